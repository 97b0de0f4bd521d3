//! The allocator itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;

use super::{BYTES, GRAIN, PAGE, REUSED, list, rounded};

#[cfg(not(test))]
#[global_allocator]
static HEAP: Heap = Heap::new();

/// Memory that is there, then Rust's allocator.
struct Heap(UnsafeCell<Arena>);

// SAFETY: the static is there only where there are no threads, and tests have one each.
unsafe impl Sync for Heap {}

#[repr(C)]
struct Arena {
    bytes: Bytes,
    /// Written before anything is read, so that the page is one of our own at once and not first one that is shared.
    touched: bool,
    /// Whether anything was handed out.
    begun: bool,
    /// Where the next piece begins, and where it has to end.
    next: usize,
    end: usize,
    /// Where what is handed out first begins: on the page of these fields, and of whatever else the component writes.
    first: usize,
    /// Pieces that were given back, by their sizes: each begins with the address of the next one.
    free: [*mut u8; REUSED / GRAIN],
}

#[repr(C, align(16))]
struct Bytes([u8; BYTES]);

impl Heap {
    const fn new() -> Self {
        // All zeros, so that nothing of it has to be in the component.
        let (bytes, free) = (Bytes([0; BYTES]), [ptr::null_mut(); REUSED / GRAIN]);
        Self(UnsafeCell::new(Arena { bytes, touched: false, begun: false, next: 0, end: 0, first: 0, free }))
    }

    /// # Safety
    /// Nobody else has the arena meanwhile.
    #[allow(clippy::mut_from_ref, reason = "see above")]
    unsafe fn arena(&self) -> &mut Arena {
        let arena = self.0.get();
        // SAFETY: it is ours, and the field is written without a reference to it.
        unsafe { ptr::addr_of_mut!((*arena).touched).write_volatile(true) };
        // SAFETY: the caller sees to it that there is no other reference.
        unsafe { &mut *arena }
    }
}

impl Arena {
    fn start(&mut self) -> *mut u8 {
        self.bytes.0.as_mut_ptr()
    }

    /// Where a piece begins that is one of ours.
    fn place(&mut self, piece: *mut u8) -> Option<usize> {
        piece.addr().checked_sub(self.start().addr()).filter(|place| *place < BYTES)
    }

    /// A piece, if there is one left.
    fn take(&mut self, layout: Layout) -> Option<*mut u8> {
        if layout.align() > GRAIN || layout.size() > BYTES {
            return None;
        }
        let size = rounded(layout.size());
        if let Some(first) = list(size).and_then(|list| self.free.get_mut(list)).filter(|it| !it.is_null()) {
            let piece = *first;
            // SAFETY: a free piece is ours, aligned, and begins with the address that `give` wrote there.
            *first = unsafe { piece.cast::<*mut u8>().read() };
            return Some(piece);
        }
        if !self.begun {
            let page = (ptr::from_ref(self).addr() + BYTES) & !(PAGE - 1);
            let first = page.saturating_sub(self.start().addr()).next_multiple_of(GRAIN);
            (self.begun, self.first, self.next, self.end) = (true, first, first, BYTES);
        }
        if self.next + size > self.end && self.end == BYTES {
            (self.next, self.end) = (0, self.first);
        }
        let place = self.next;
        if place + size > self.end {
            return None;
        }
        self.next = place + size;
        // SAFETY: the place is within the bytes.
        Some(unsafe { self.start().add(place) })
    }

    /// Takes a piece of ours back.
    fn give(&mut self, piece: *mut u8, place: usize, layout: Layout) {
        let size = rounded(layout.size());
        if place + size == self.next {
            self.next = place;
        } else if let Some(first) = list(size).and_then(|list| self.free.get_mut(list)) {
            // SAFETY: the piece is ours again, aligned, and no shorter than an address.
            unsafe { piece.cast::<*mut u8>().write(*first) };
            *first = piece;
        }
        // What is neither is gone until the call ends, which bounds it.
    }

    /// Makes a piece of ours shorter or longer where it is, if that can be done.
    fn resize(&mut self, place: usize, old: usize, new: usize) -> bool {
        let (old, new) = (rounded(old), rounded(new));
        let is_last = place + old == self.next;
        let fits = if is_last { place + new <= self.end } else { new <= old };
        if fits && is_last {
            self.next = place + new;
        }
        fits
    }
}

// SAFETY: each piece is handed out once until it is given back, aligned and as long as asked; what is not ours is the
// system's, which is told by its address.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the reference ends with this statement.
        let piece = unsafe { self.arena() }.take(layout);
        // SAFETY: as the caller's.
        piece.unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        // SAFETY: the reference ends with this block.
        let arena = unsafe { self.arena() };
        match arena.place(piece) {
            Some(place) => arena.give(piece, place, layout),
            // SAFETY: as the caller's; what is none of ours came from there.
            None => unsafe { System.dealloc(piece, layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the reference ends with this statement.
        match unsafe { self.arena() }.take(layout) {
            Some(piece) => {
                // SAFETY: the piece is as long as the layout says.
                unsafe { piece.write_bytes(0, layout.size()) };
                piece
            }
            // SAFETY: as the caller's.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the reference ends before anything else is allocated.
        let arena = unsafe { self.arena() };
        let Some(place) = arena.place(piece) else {
            // SAFETY: as the caller's; what is none of ours came from there.
            return unsafe { System.realloc(piece, layout, size) };
        };
        if arena.resize(place, layout.size(), size) {
            return piece;
        }
        // SAFETY: the caller's size does not overflow when it is rounded to the alignment.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both are there, apart, and as long as the shorter one.
            unsafe { new.copy_from_nonoverlapping(piece, layout.size().min(size)) };
            // SAFETY: as the caller's.
            unsafe { self.dealloc(piece, layout) };
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random, the same each time.
    struct Dice(u32);

    impl Dice {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            usize::try_from(self.0).unwrap() % bound
        }
    }

    /// A piece of memory that is filled with one byte.
    struct Piece {
        at: *mut u8,
        layout: Layout,
        filled: u8,
    }

    impl Piece {
        fn fill(&mut self, with: u8) {
            self.filled = with;
            // SAFETY: the piece is as long as its layout says.
            unsafe { self.at.write_bytes(with, self.layout.size()) };
        }

        fn is_as_it_was(&self, length: usize) -> bool {
            // SAFETY: the piece is at least that long, and was filled.
            let bytes = unsafe { std::slice::from_raw_parts(self.at, length) };
            bytes.iter().all(|byte| *byte == self.filled)
        }
    }

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    /// Whatever is asked for in whatever order: nothing that is held is ever written by somebody else's piece.
    #[test]
    fn pieces_keep_what_is_in_them() {
        for seed in 1..200 {
            let (heap, mut dice) = (Heap::new(), Dice(seed));
            let mut held: Vec<Piece> = Vec::new();
            for step in 0..400_u16 {
                let with = step.to_le_bytes()[0];
                let sizes = [40, 300, 2000, 60_000];
                let most = sizes[dice.below(4)];
                let size = 1 + dice.below(most);
                match dice.below(4) {
                    0 | 1 => {
                        let layout = layout(size, 1 << dice.below(6));
                        let zeroed = dice.below(3) == 0;
                        // SAFETY: the layout has a size.
                        let at =
                            unsafe { if zeroed { heap.alloc_zeroed(layout) } else { heap.alloc(layout) } };
                        assert_eq!(at.addr() % layout.align(), 0);
                        let mut piece = Piece { at, layout, filled: 0 };
                        assert!(!zeroed || piece.is_as_it_was(size), "seed {seed}, step {step}");
                        piece.fill(with);
                        held.push(piece);
                    }
                    2 if !held.is_empty() => {
                        let piece = held.swap_remove(dice.below(held.len()));
                        assert!(piece.is_as_it_was(piece.layout.size()), "seed {seed}, step {step}");
                        // SAFETY: it is given back once.
                        unsafe { heap.dealloc(piece.at, piece.layout) };
                    }
                    _ if !held.is_empty() => {
                        let which = dice.below(held.len());
                        let piece = &mut held[which];
                        // SAFETY: the piece is this heap's.
                        piece.at = unsafe { heap.realloc(piece.at, piece.layout, size) };
                        assert!(
                            piece.is_as_it_was(size.min(piece.layout.size())),
                            "seed {seed}, step {step}"
                        );
                        piece.layout = layout(size, piece.layout.align());
                        piece.fill(with);
                    }
                    _ => {}
                }
            }
            for piece in held {
                assert!(piece.is_as_it_was(piece.layout.size()), "seed {seed}");
                // SAFETY: it is given back once.
                unsafe { heap.dealloc(piece.at, piece.layout) };
            }
        }
    }

    #[test]
    fn all_of_it_is_handed_out_the_last_page_first() {
        let heap = Heap::new();
        let own = ptr::from_ref(&heap).addr();
        let mut pieces = Vec::new();
        // SAFETY: nobody else has the arena.
        while let Some(piece) = unsafe { heap.arena() }.take(layout(2 * REUSED, 16)) {
            pieces.push(piece.addr());
        }
        assert!(pieces.len() >= BYTES / (2 * REUSED) - 2, "{}", pieces.len());
        assert!(pieces.iter().all(|piece| (own..own + BYTES).contains(piece)));
        pieces.sort_unstable();
        assert!(pieces.windows(2).all(|two| two[1] - two[0] >= 2 * REUSED), "none overlaps");
        let heap = Heap::new();
        // SAFETY: nobody else has the arena.
        let first = unsafe { heap.arena() }.take(layout(16, 16)).unwrap().addr();
        assert!(ptr::from_ref(&heap).addr() + BYTES - first <= PAGE);
    }

    #[test]
    fn what_is_given_back_is_used_again_and_what_does_not_fit_is_the_systems() {
        let heap = Heap::new();
        let small = layout(24, 8);
        // SAFETY: the layouts have sizes, and each piece is given back once.
        unsafe {
            let pieces = [heap.alloc(small), heap.alloc(small), heap.alloc(layout(BYTES + 1, 16))];
            let ours = pieces.map(|piece| heap.arena().place(piece).is_some());
            assert_eq!(ours, [true, true, false]);
            heap.dealloc(pieces[0], small);
            assert_eq!(heap.alloc(layout(30, 1)), pieces[0], "of the same size");
            let longer = heap.realloc(pieces[1], small, 60);
            assert_eq!(longer, pieces[1], "the last one grows where it is");
            heap.dealloc(longer, layout(60, 8));
            assert_eq!(heap.alloc(small), pieces[1], "the last one's place is free");
            heap.dealloc(pieces[2], layout(BYTES + 1, 16));
            assert!(heap.arena().take(layout(8, 64)).is_none(), "a larger alignment");
        }
    }
}
