//! Batches into the database, in their order, while the next ones are read and understood on another thread.
//!
//! Invariants:
//! - How far the import came is kept behind each batch, after its contacts are committed and told. What is cut off in
//!   between is done again, and finds the contacts it made.
//! - The place goes when the file was read to its end, so that the next import looks at every line.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::batches::{Batch, Batches};
use super::{ImportArgs, report, stop};
use crate::app::recognition;
use crate::cli::output::told;
use crate::cli::{Context, Outcome, Output};
use crate::domain::matching::model::Model;
use crate::domain::plain;
use crate::pipeline::import::import;
use crate::store::rows::ImportPlace;
use crate::store::{Store, StoreResult};
use crate::telemetry::fail_point;

/// Batches understood ahead of the database; the reading thread waits when there are so many.
const AHEAD: usize = 2;

/// An import under way.
struct Import<'a> {
    context: &'a Context,
    args: &'a ImportArgs,
    store: &'a Arc<dyn Store>,
    model: Arc<Model>,
    /// What is read and how, in one digest.
    source: &'a str,
    place: ImportPlace,
    out: Output,
    bar: ProgressBar,
    /// When the first batch was there.
    begun: Option<Instant>,
    made: u64,
}

/// Imports what `batches` reads, `length` bytes in all, behind the place where the same import was cut off.
///
/// # Errors
/// When the file or the database cannot be used to the end, or a signal stopped it; the sentence says how to go on.
pub(super) async fn bring_in(
    context: &Context,
    args: &ImportArgs,
    store: &Arc<dyn Store>,
    (source, length): (&str, u64),
    batches: Batches,
) -> anyhow::Result<Outcome> {
    let bar = bar(length);
    let stop = stop::listen(bar.clone())?;
    let place = begin(store, source, args).await?;
    let mut import = Import {
        context,
        args,
        store,
        model: Arc::new(recognition::model(store.as_ref()).await),
        source,
        place,
        out: Output::new(),
        bar,
        begun: None,
        made: 0,
    };
    let (sender, understood) = mpsc::channel(AHEAD);
    let reader = tokio::task::spawn_blocking(move || read_ahead(batches, place.entries, &sender));
    let result = match import.every(understood, &stop).await {
        // The channel closes at the end of the file, and when the thread was lost.
        Ok(()) => reader.await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    import.bar.finish_and_clear();
    match result {
        Ok(()) => import.end().await,
        Err(error) => Err(import.cut_off(&error)),
    }
}

/// Where the same import was cut off; the beginning when it was not, or when that is asked for.
async fn begin(store: &Arc<dyn Store>, source: &str, args: &ImportArgs) -> StoreResult<ImportPlace> {
    if args.restart {
        store.keep_import_place(source, None).await?;
        return Ok(ImportPlace::default());
    }
    Ok(store.import_place(source).await?.unwrap_or_default())
}

/// Hands batches on in their order until nobody takes them.
fn read_ahead(mut batches: Batches, done: u64, to: &mpsc::Sender<anyhow::Result<Batch>>) {
    batches.skip_rows(done);
    for batch in batches {
        if to.blocking_send(batch).is_err() {
            break;
        }
    }
}

/// Hidden by itself when standard error is no terminal.
fn bar(length: u64) -> ProgressBar {
    ProgressBar::new(length).with_style(style().unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn style() -> Result<ProgressStyle, indicatif::style::TemplateError> {
    ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left, {msg}")
}

impl Import<'_> {
    /// Takes in batch after batch until there is no more, or until it is to stop.
    async fn every(
        &mut self,
        mut understood: mpsc::Receiver<anyhow::Result<Batch>>,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        loop {
            let batch = tokio::select! {
                biased;
                () = stop.cancelled() => anyhow::bail!("stopped"),
                batch = understood.recv() => batch,
            };
            match batch {
                None => return Ok(()),
                Some(batch) => self.batch(batch.with_context(|| plain::path(&self.args.file))?).await?,
            }
        }
    }

    /// Matches and writes one batch, tells what became of it and keeps the place.
    async fn batch(&mut self, batch: Batch) -> anyhow::Result<()> {
        if self.begun.is_none() {
            self.first(&batch);
        }
        fail_point::hit("import-before-batch");
        let done = import(self.store, &*self.context.clock, &self.model, batch.entries).await?;
        fail_point::hit("import-after-batch");
        self.made += done.len() as u64;
        let mut place = self.place;
        (place.entries, place.line) = (place.entries + batch.rows, batch.last);
        report::batch(&mut self.out, &done, batch.refused, self.args, &mut place)?;
        let out = &mut self.out;
        self.bar.suspend(|| out.flush_if_read())?;
        self.store.keep_import_place(self.source, Some(place)).await?;
        fail_point::hit("import-after-place");
        self.place = place;
        self.bar.set_position(batch.read);
        self.bar.set_message(format!("{} contacts", place.created + place.updated));
        Ok(())
    }

    /// Says that the import goes on, and begins to count its speed there.
    fn first(&mut self, batch: &Batch) {
        if self.place.entries > 0 {
            let line = batch.first;
            eprintln!("pisteur: goes on at line {line}; --restart begins at the first line again");
            self.bar.set_position(batch.read);
            self.bar.reset_eta();
        }
        self.begun = Some(Instant::now());
    }

    /// Forgets the place and tells the sum.
    async fn end(self) -> anyhow::Result<Outcome> {
        let took = self.begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        if let Err(error) = self.store.keep_import_place(self.source, None).await {
            return Err(self.cut_off(&error.into()));
        }
        report::sum(self.out, &self.place, (self.made, took), self.args)
    }

    /// What cut it off, and how to go on.
    fn cut_off(&self, why: &anyhow::Error) -> anyhow::Error {
        let (why, line) = (told(why), self.place.line);
        if self.place.entries == 0 {
            return anyhow::anyhow!("{why}; nothing is imported yet, run the same command again");
        }
        anyhow::anyhow!("{why}; everything up to line {line} is imported, and the same command goes on behind it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_bar_can_be_drawn() {
        assert!(style().is_ok());
    }
}
