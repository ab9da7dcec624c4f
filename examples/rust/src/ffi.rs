// SPDX-License-Identifier: BSD-2-Clause
//! The structures and functions of <salvage/abort.h> and <salvage/space.h>, as far as they are used here.

use std::ffi::{c_char, c_int, c_uint, c_void};

#[repr(C)]
pub struct Region {
    pub first: u64,
    pub last: u64,
    pub kind: c_int,
    pub name: *const c_char,
    pub host: *mut c_void,
    pub sizes: u8,
    pub aligned: bool,
    pub atomics: bool,
    pub device: *mut c_void,
    pub kernel: *const c_void,
}

#[repr(C)]
pub struct Space {
    pub regions: *mut Region,
    pub capacity: usize,
    pub memslots: usize,
    pub devices: usize,
}

#[repr(C)]
pub struct CpuOps {
    pub get: extern "C" fn(*mut c_void, c_int, *mut u64) -> c_int,
    pub set: extern "C" fn(*mut c_void, c_int, u64) -> c_int,
    /// SIMD&FP and SVE registers: none, so such instructions are refused.
    pub vectors: [*const c_void; 7],
    pub load: extern "C" fn(*mut c_void, *const Region, u64, c_uint, *mut u8) -> c_int,
    pub store: extern "C" fn(*mut c_void, *const Region, u64, c_uint, *const u8) -> c_int,
    pub inject: extern "C" fn(*mut c_void, *const c_void) -> c_int,
}

#[repr(C)]
pub struct Cpu {
    pub ops: *const CpuOps,
    pub vcpu: *mut c_void,
    pub flags: c_uint,
    pub mmu_features: c_uint,
    pub host_steps: bool,
    pub retries: c_uint,
    pub retry_pc: u64,
}

#[repr(C)]
pub struct Abort {
    pub esr_iss: u64,
    pub fault_ipa: u64,
    pub ldst64b: bool,
}

#[repr(C)]
pub struct Access {
    pub ipa: u64,
    pub region: *const Region,
    pub size: u8,
    pub write: bool,
    pub op: u8,
    pub big_endian: bool,
    pub responds: bool,
    pub response: u64,
    pub data: [u8; 64],
    pub operand: [u8; 16],
    pub compare: [u8; 16],
}

/// sv_session: only ever seen through a pointer.
#[repr(C)]
pub struct Session {
    _private: [u8; 0],
}

pub const SV_OK: c_int = 0;
pub const SV_FAULT: c_int = 5;
pub const SV_UNSUPPORTED: c_int = 11;
pub const SV_REGISTER: c_int = 12;
pub const SV_VERDICT_ACCESS: c_int = 1;
pub const SV_REGION_RAM: c_int = 1;
pub const SV_REGION_WINDOW: c_int = 3;
pub const SV_SIZES_ANY: u8 = 0x1f;

extern "C" {
    pub static glue_session_size: usize;
    #[cfg(test)]
    pub static glue_numbers: [usize; 18];
    pub fn glue_access(session: *mut Session) -> *mut Access;
    pub fn glue_ending(session: *const Session) -> c_int;
    pub fn glue_text(word: u32, buffer: *mut c_char, size: usize) -> bool;
    pub fn sv_ending_name(ending: c_int) -> *const c_char;
    pub fn sv_status_text(status: c_int) -> *const c_char;
    pub fn sv_space_init(space: *mut Space, regions: *mut Region, capacity: usize);
    pub fn sv_space_add(space: *mut Space, region: *const Region) -> c_int;
    pub fn sv_session_begin(
        session: *mut Session,
        cpu: *mut Cpu,
        space: *const Space,
        policy: *const c_void,
        abort: *const Abort,
    );
    pub fn sv_session_next(session: *mut Session) -> c_int;
    pub fn sv_session_refuse(session: *mut Session);
}
