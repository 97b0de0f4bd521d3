//! Code that runs while the component is instantiated.

// SAFETY: no other function of this component has the name.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    loop {
        std::hint::black_box(());
    }
}
