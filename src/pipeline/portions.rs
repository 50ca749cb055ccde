//! How much of a batch is in memory together.

/// Arrivals whose bytes are in memory at once, for one worker.
const LOADED_AT_ONCE: usize = 64;
/// Bytes of arrivals in memory at once, for one worker; one alone may be larger.
const BYTES_AT_ONCE: u64 = 32 << 20;

/// Cuts a batch, in order, into portions that may be in memory together.
pub(super) fn portions<T>(batch: &[T], bytes: impl Fn(&T) -> u64) -> Vec<&[T]> {
    let mut portions = Vec::new();
    let mut rest = batch;
    while !rest.is_empty() {
        let mut held = 0_u64;
        let fits = rest.iter().take(LOADED_AT_ONCE).take_while(|item| {
            held = held.saturating_add(bytes(item));
            held <= BYTES_AT_ONCE
        });
        let count = fits.count().max(1);
        let (portion, after) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        portions.push(portion);
        rest = after;
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_portion_holds_more_than_memory_is_meant_to() {
        let mib = |sizes: &[u64]| -> Vec<usize> {
            portions(sizes, |size| size << 20).iter().map(|portion| portion.len()).collect()
        };
        assert_eq!(mib(&[40; 3]), [1, 1, 1]);
        assert_eq!(mib(&[1, 40, 1, 1]), [1, 1, 2]);
        assert_eq!(mib(&[16, 16, 16]), [2, 1]);
        assert_eq!(mib(&[0; 130]), [64, 64, 2]);
        assert!(mib(&[]).is_empty());
    }
}
