//! Each hook: what it takes, and whether it can do its work. That secrets can be read was seen with the configuration.

use super::Check;
use crate::config::Config;

/// One line for each hook.
pub(super) fn examine(config: &Config) -> Vec<Check> {
    let one = |hook: &crate::config::HookConfig| {
        let name = format!("hook {}", hook.id);
        let Some(adapter) = config.known_adapters.get(&hook.adapter) else {
            return Check::fail(name, "its adapter is not there", "pisteur hooks adapters");
        };
        let secrets = hook.secrets().map_or(0, |secrets| secrets.len());
        let found =
            format!("{} at /hooks/{}, {secrets} secret{}", adapter.title, hook.id, if secrets == 1 { "" } else { "s" });
        let token = hook.token().ok().flatten();
        if !hook.enabled {
            return Check::warn(name, format!("{found}; switched off"), "set enabled = true when it is wanted");
        }
        if adapter.fetch.is_some() && token.is_none() {
            let remedy = "set token_env or token_file: what waits is then fetched";
            return Check::warn(name, format!("{found}; no token, so announced leads wait"), remedy);
        }
        if !adapter.verified {
            return Check::warn(
                name,
                format!("{found}; not verified: {}", adapter.note),
                "look at what arrives: pisteur submissions list",
            );
        }
        Check::ok(name, found)
    };
    config.hook.iter().map(one).collect()
}
