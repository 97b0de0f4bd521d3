mod ranges;
mod reference;
