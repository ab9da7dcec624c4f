// SPDX-License-Identifier: BSD-2-Clause
//! The loop in Rust: https://github.com/rust-lang/rust/issues/131894.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// # Safety
/// `registers` is a device's, `values` an array, each of `count` words.
#[no_mangle]
pub unsafe extern "C" fn program_uart(registers: *mut u32, values: *const u32, count: usize) {
    for i in 0..count {
        unsafe { registers.add(i).write_volatile(*values.add(i)) }
    }
}
