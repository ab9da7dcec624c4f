// SPDX-License-Identifier: BSD-2-Clause
//! The core of salvage for a VMM in Rust: the VMM says what its vCPU is and does the device accesses, the core
//! the rest.

mod ffi;

use std::ffi::{c_char, c_int, c_uint, c_void, CStr, CString};
use std::ptr;

/// Registers by their numbers in <salvage/regs.h>: 0 to 30 are X0 to X30.
pub const SP_EL1: usize = 33;
pub const PC: usize = 34;
pub const PSTATE: usize = 35;
pub const REGISTERS: usize = 52;

/// What the VMM has. Memory is RAM only; an address that is in none of its regions never comes.
pub trait Vcpu {
    fn get(&mut self, register: usize) -> Option<u64>;
    fn set(&mut self, register: usize, value: u64) -> bool;
    fn load(&mut self, ipa: u64, data: &mut [u8]) -> bool;
    fn store(&mut self, ipa: u64, data: &[u8]) -> bool;
    /// One access to a device, data in memory order; false: the device does not take it.
    fn access(&mut self, ipa: u64, write: bool, data: &mut [u8]) -> bool;
}

pub enum Place {
    Ram { first: u64, last: u64 },
    Device { first: u64, last: u64 },
}

/// The disassembly of a load or store; None: the word is none.
pub fn disassemble(word: u32) -> Option<String> {
    let mut buffer = [0 as c_char; 96];

    // SAFETY: the text is cut at the buffer's size, and ends with a NUL.
    unsafe {
        ffi::glue_text(word, buffer.as_mut_ptr(), buffer.len())
            .then(|| CStr::from_ptr(buffer.as_ptr()).to_string_lossy().into_owned())
    }
}

extern "C" fn get<V: Vcpu>(vcpu: *mut c_void, register: c_int, value: *mut u64) -> c_int {
    // SAFETY: vcpu is what complete() was called with, and nobody else uses it meanwhile.
    match unsafe { &mut *vcpu.cast::<V>() }.get(register as usize) {
        Some(read) => {
            unsafe { *value = read };
            ffi::SV_OK
        }
        None => ffi::SV_REGISTER,
    }
}

extern "C" fn set<V: Vcpu>(vcpu: *mut c_void, register: c_int, value: u64) -> c_int {
    // SAFETY: as in get().
    match unsafe { &mut *vcpu.cast::<V>() }.set(register as usize, value) {
        true => ffi::SV_OK,
        false => ffi::SV_REGISTER,
    }
}

extern "C" fn load<V: Vcpu>(
    vcpu: *mut c_void,
    _: *const ffi::Region,
    ipa: u64,
    size: c_uint,
    data: *mut u8,
) -> c_int {
    // SAFETY: as in get(); data has size bytes.
    match unsafe { (*vcpu.cast::<V>()).load(ipa, std::slice::from_raw_parts_mut(data, size as usize)) } {
        true => ffi::SV_OK,
        false => ffi::SV_FAULT,
    }
}

extern "C" fn store<V: Vcpu>(
    vcpu: *mut c_void,
    _: *const ffi::Region,
    ipa: u64,
    size: c_uint,
    data: *const u8,
) -> c_int {
    // SAFETY: as in load().
    match unsafe { (*vcpu.cast::<V>()).store(ipa, std::slice::from_raw_parts(data, size as usize)) } {
        true => ffi::SV_OK,
        false => ffi::SV_FAULT,
    }
}

extern "C" fn inject(_: *mut c_void, _: *const c_void) -> c_int {
    ffi::SV_UNSUPPORTED
}

fn region(place: &Place) -> ffi::Region {
    let (kind, first, last, name): (_, _, _, &'static CStr) = match *place {
        Place::Ram { first, last } => (ffi::SV_REGION_RAM, first, last, c"RAM"),
        Place::Device { first, last } => (ffi::SV_REGION_WINDOW, first, last, c"device"),
    };

    ffi::Region {
        first,
        last,
        kind,
        name: name.as_ptr(),
        host: ptr::null_mut(),
        sizes: ffi::SV_SIZES_ANY,
        aligned: false,
        atomics: false,
        device: ptr::null_mut(),
        kernel: ptr::null(),
    }
}

/// Carries out the instruction that the vCPU aborted at, as KVM_EXIT_ARM_NISV reported it. Says how it ended
/// ("completed", "retried", "stopped"; nothing is injected here).
pub fn complete<V: Vcpu>(
    vcpu: &mut V,
    places: &[Place],
    esr_iss: u64,
    fault_ipa: u64,
) -> Result<String, String> {
    let vcpu = ptr::from_mut(vcpu);
    let ops = ffi::CpuOps {
        get: get::<V>,
        set: set::<V>,
        vectors: [ptr::null(); 7],
        load: load::<V>,
        store: store::<V>,
        inject,
    };
    let mut cpu = ffi::Cpu {
        ops: &ops,
        vcpu: vcpu.cast(),
        flags: 0,
        mmu_features: 0,
        host_steps: false,
        retries: 0,
        retry_pc: 0,
    };
    let mut regions: Vec<ffi::Region> = places.iter().map(region).collect();
    let mut space = ffi::Space {
        regions: ptr::null_mut(),
        capacity: 0,
        memslots: 0,
        devices: 0,
    };
    let added: Vec<ffi::Region> = places.iter().map(region).collect();
    let abort = ffi::Abort {
        esr_iss,
        fault_ipa,
        ldst64b: false,
    };

    // SAFETY: everything lives until the session is over; the session is of C's size, aligned to 8 bytes.
    unsafe {
        let mut storage = vec![0u64; ffi::glue_session_size.div_ceil(8)];
        let session: *mut ffi::Session = storage.as_mut_ptr().cast();

        ffi::sv_space_init(&mut space, regions.as_mut_ptr(), regions.len());
        for region in &added {
            let status = ffi::sv_space_add(&mut space, region);
            if status != ffi::SV_OK {
                return Err(CStr::from_ptr(ffi::sv_status_text(status))
                    .to_string_lossy()
                    .into_owned());
            }
        }
        ffi::sv_session_begin(session, &mut cpu, &space, ptr::null(), &abort);
        while ffi::sv_session_next(session) == ffi::SV_VERDICT_ACCESS {
            let access = &mut *ffi::glue_access(session);
            let data = &mut access.data[..access.size as usize];
            if !(*vcpu).access(access.ipa, access.write, data) {
                ffi::sv_session_refuse(session);
            }
        }
        let name = CString::from(CStr::from_ptr(ffi::sv_ending_name(ffi::glue_ending(session))));
        Ok(name.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests;
