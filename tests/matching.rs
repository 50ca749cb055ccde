//! People and organisations told apart: what the matcher must reach on the public sets that developers keep beside the
//! project, through the production path, and what its command says.

mod eval;
mod explain;
mod fit;
mod laws;
mod people;
mod races;
