//! Open files and sockets: as many as the system allows, and how many of them connections may take.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Handles that connections of visitors leave to the database, the mailboxes, deliveries and the watched folder.
const RESERVED: usize = 320;
/// Connections that are taken however few handles there are.
const LEAST: usize = 16;
/// Connections of the operator listener, out of what is reserved.
pub const OPERATOR_CONNECTIONS: usize = 64;

/// Raises the soft limit of open files to the hard one; how many may be open now.
pub fn raise() -> usize {
    let found = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: found.maximum, maximum: found.maximum };
    let now = match setrlimit(Resource::Nofile, wanted) {
        Ok(()) => found.maximum,
        Err(error) => {
            tracing::debug!("the limit of open files stays as it is: {error}");
            found.current
        }
    };
    now.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX)
}

/// Connections of the public listener when `wanted` are configured and `handles` files may be open.
#[must_use]
pub fn connections(wanted: usize, handles: usize) -> usize {
    let fit = wanted.min(handles.saturating_sub(RESERVED).max(LEAST));
    if fit < wanted {
        tracing::warn!(
            "limits.connections is {wanted}, but only {handles} files may be open: {fit} connections are taken; raise \
             LimitNOFILE of the service (ulimit -n), or lower limits.connections"
        );
    }
    fit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_handles_for_everything_else() {
        assert_eq!(connections(2_000, 65_536), 2_000);
        assert_eq!(connections(2_000, 1_024), 704);
        assert_eq!(connections(2_000, 100), LEAST);
        assert_eq!(connections(5, 100), 5);
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let handles = raise();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current, now.maximum);
        assert_eq!(now.current.map_or(usize::MAX, |most| usize::try_from(most).unwrap()), handles);
    }
}
