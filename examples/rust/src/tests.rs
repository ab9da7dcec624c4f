// SPDX-License-Identifier: BSD-2-Clause
use super::*;
use std::mem::{offset_of, size_of};

const RAM: u64 = 0x4000_0000;
const DEVICE: u64 = 0x0a00_0000;
const TRANSLATION_FAULT: u64 = 0x07;
const WNR: u64 = 0x40;

struct Machine {
    registers: [u64; REGISTERS],
    ram: [u8; 16],
    log: Vec<(u64, bool, Vec<u8>)>,
}

impl Machine {
    fn new(word: u32) -> Self {
        let mut machine = Machine {
            registers: [0; REGISTERS],
            ram: [0; 16],
            log: vec![],
        };
        machine.ram[..4].copy_from_slice(&word.to_le_bytes());
        machine.registers[PC] = RAM;
        machine.registers[PSTATE] = 0x3c5;
        machine.registers[0] = DEVICE;
        machine
    }

    fn run(&mut self, iss: u64) -> String {
        let places = [
            Place::Ram {
                first: RAM,
                last: RAM + 15,
            },
            Place::Device {
                first: DEVICE,
                last: DEVICE + 0xfff,
            },
        ];
        complete(self, &places, iss, DEVICE).unwrap()
    }
}

impl Vcpu for Machine {
    fn get(&mut self, register: usize) -> Option<u64> {
        self.registers.get(register).copied()
    }

    fn set(&mut self, register: usize, value: u64) -> bool {
        self.registers[register] = value;
        true
    }

    fn load(&mut self, ipa: u64, data: &mut [u8]) -> bool {
        let at = (ipa - RAM) as usize;
        data.copy_from_slice(&self.ram[at..at + data.len()]);
        true
    }

    fn store(&mut self, ipa: u64, data: &[u8]) -> bool {
        let at = (ipa - RAM) as usize;
        self.ram[at..at + data.len()].copy_from_slice(data);
        true
    }

    fn access(&mut self, ipa: u64, write: bool, data: &mut [u8]) -> bool {
        if !write {
            data.fill(ipa as u8 + 1);
        }
        self.log.push((ipa, write, data.to_vec()));
        true
    }
}

#[test]
fn layouts_and_numbers_are_those_of_c() {
    let numbers = [
        size_of::<ffi::Region>(),
        size_of::<ffi::Space>(),
        size_of::<ffi::Cpu>(),
        size_of::<ffi::CpuOps>(),
        size_of::<ffi::Abort>(),
        size_of::<ffi::Access>(),
        offset_of!(ffi::Access, data),
        offset_of!(ffi::Region, host),
        SP_EL1,
        PC,
        PSTATE,
        REGISTERS,
        ffi::SV_FAULT as usize,
        ffi::SV_UNSUPPORTED as usize,
        ffi::SV_REGISTER as usize,
        ffi::SV_VERDICT_ACCESS as usize,
        ffi::SV_REGION_RAM as usize,
        ffi::SV_REGION_WINDOW as usize,
    ];
    assert_eq!(unsafe { ffi::glue_numbers }, numbers);
}

#[test]
fn words_are_disassembled() {
    assert_eq!(disassemble(0xa8c10801).as_deref(), Some("ldp x1, x2, [x0], #16"));
    assert_eq!(disassemble(0xd503201f), None);
}

#[test]
fn a_pair_is_loaded() {
    let mut machine = Machine::new(0xa8c10801); // ldp x1, x2, [x0], #16
    assert_eq!(machine.run(TRANSLATION_FAULT), "completed");
    assert_eq!(
        machine.log,
        [(DEVICE, false, vec![1; 8]), (DEVICE + 8, false, vec![9; 8])]
    );
    assert_eq!(
        machine.registers[..3],
        [DEVICE + 16, 0x0101010101010101, 0x0909090909090909]
    );
    assert_eq!(machine.registers[PC], RAM + 4);
}

#[test]
fn a_store_moves_its_base() {
    let mut machine = Machine::new(0xb8004401); // str w1, [x0], #4
    machine.registers[1] = 0x11223344;
    assert_eq!(machine.run(TRANSLATION_FAULT | WNR), "completed");
    assert_eq!(machine.log, [(DEVICE, true, vec![0x44, 0x33, 0x22, 0x11])]);
    assert_eq!(machine.registers[0], DEVICE + 4);
}

#[test]
fn a_word_that_does_not_explain_the_abort_is_retried() {
    let mut machine = Machine::new(0xa8c10801);
    assert_eq!(machine.run(TRANSLATION_FAULT | WNR), "retried");
    assert!(machine.log.is_empty());
    assert_eq!(machine.registers[PC], RAM);
}

#[test]
fn places_must_not_overlap() {
    let twice = [
        Place::Ram {
            first: RAM,
            last: RAM + 15,
        },
        Place::Ram {
            first: RAM,
            last: RAM,
        },
    ];
    assert_eq!(
        complete(&mut Machine::new(0), &twice, 0, 0),
        Err("overlaps what is there already".to_string())
    );
}
