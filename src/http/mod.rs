//! The two listeners: `http.public` for visitors, `http.operator` for operators.
//!
//! Routes of forms live in [`crate::intake::form`]; here are sockets, limits of connections and requests, landing page,
//! health and figures.

mod connections;
mod farewell;
pub mod handles;
mod listener;
pub mod openapi;
mod operator;
mod paced;
mod public;
mod serve;
pub mod tls;
mod write_stall;

pub use self::listener::{BindError, Bound, bind};
pub use self::operator::{MetricsSource, OperatorDeps, Readiness, ReadinessReport, ReadinessSource, operator_router};
pub use self::public::{PublicDeps, public_router};
pub use self::serve::{ServeLimits, serve};
