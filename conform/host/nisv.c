/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses without a description (ISV=0): KVM_EXIT_ARM_NISV, or ENOSYS. Which forms these are: DDI 0487, ISS
 * encoding for an exception from a Data Abort. An atomic says WnR=0 where a read would have failed too.
 */
#include "../case.h"

static void off(struct conform *conform)
{
	conform_start(conform);
	conform_until(conform, CONFORM_FAILED);
	conform_say_pc(conform);
	conform_until(conform, CONFORM_FAILED);
	conform_say_pc(conform);
	conform_drive(conform);
}

static void late(struct conform *conform)
{
	conform_start(conform);
	conform_until(conform, CONFORM_FAILED);
	conform_result(conform, "KVM_ENABLE_CAP", conform_enable(conform, SV_KVM_CAP_ARM_NISV_TO_USER));
	conform_drive(conform);
}

static void again(struct conform *conform)
{
	conform_start(conform);
	conform_until(conform, CONFORM_EXIT);
	conform_until(conform, CONFORM_EXIT);
	conform_complete(conform);
	conform_say_pc(conform);
	conform_drive(conform);
}

static const struct conform_case rows[] = {
	{.name = "nisv_pairs",
	 .flags = CASE_NISV,
	 .summary = "pairs",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole+0x8, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc translation at hole+0x10, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc translation at hole, pc insn\n"
		     "done\n"},
	{.name = "nisv_writeback",
	 .flags = CASE_NISV,
	 .summary = "pre- and post-indexed forms",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole+0x1, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc translation at hole+0x3, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc translation at hole+0xf0, pc insn\n"
		     "done\n"},
	{.name = "nisv_simd",
	 .flags = CASE_NISV,
	 .summary = "SIMD&FP registers and structures",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole+0x3, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc translation at hole+0x8, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc translation at hole, pc insn\n"
		     "done\n"},
	{.name = "nisv_exclusives",
	 .flags = CASE_NISV,
	 .summary = "load-exclusives",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "done\n"},
	{.name = "nisv_atomics",
	 .flags = CASE_NISV,
	 .summary = "LSE atomics: WnR=0, a read would fail too",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "done\n"},
	{.name = "nisv_zero",
	 .flags = CASE_NISV,
	 .summary = "DC ZVA is a write",
	 .expected = "nisv: cm 0 wnr 1 fsc translation at hole+0x1000, pc insn\n"
		     "done\n"},
	{.name = "nisv_tags",
	 .flags = CASE_NISV,
	 .summary = "stores of allocation tags",
	 .expected = "nisv: cm 0 wnr 1 fsc translation at hole, pc insn\n"
		     "done\n"},
	{.name = "nisv_prefetch",
	 .flags = CASE_NISV,
	 .summary = "a prefetch of a hole is nothing",
	 .expected = "over\n"
		     "done\n"},
	{.name = "nisv_low_bits",
	 .flags = CASE_NISV,
	 .summary = "fault_ipa has the low 12 bits of FAR",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at hole, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole+0xfe8, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole+0xfff, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole+0x1fff, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole+0x12340, pc insn\n"
		     "done\n"},
	{.name = "nisv_translated",
	 .flags = CASE_NISV,
	 .summary = "fault_ipa is no virtual address",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at hole+0x2348, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc translation at hole+0x2348, pc insn\n"
		     "done\n"},
	{.name = "nisv_straddle",
	 .flags = CASE_NISV,
	 .summary = "half in memory: the half that failed is reported",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at beyond, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc translation at beyond, pc insn\n"
		     "done\n"},
	{.name = "nisv_el0",
	 .flags = CASE_NISV,
	 .summary = "EL0's accesses exit as EL1's do",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at hole+0x10, pc insn\n"
		     "back\n"
		     "done\n"},
	{.name = "nisv_again",
	 .guest = "nisv_once",
	 .host = again,
	 .flags = CASE_NISV,
	 .summary = "nothing is completed: the exit repeats",
	 .expected = "nisv: cm 0 wnr 0 fsc translation at hole+0x8, pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole+0x8, pc insn\n"
		     "pc insn\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole+0x8, pc insn\n"
		     "after\n"
		     "done\n"},
	{.name = "nisv_off",
	 .guest = "nisv_once",
	 .host = off,
	 .summary = "without the capability: ENOSYS, and nothing has changed",
	 .expected = "run: ENOSYS\n"
		     "pc insn\n"
		     "run: ENOSYS\n"
		     "pc insn\n"
		     "run: ENOSYS\n"
		     "after\n"
		     "done\n"},
	{.name = "nisv_late",
	 .guest = "nisv_once",
	 .host = late,
	 .summary = "turned on after a failure, it holds from then on",
	 .expected = "run: ENOSYS\n"
		     "KVM_ENABLE_CAP: 0\n"
		     "nisv: cm 0 wnr 0 fsc translation at hole+0x8, pc insn\n"
		     "after\n"
		     "done\n"},
	{.name = "rom_reads",
	 .flags = CASE_NISV,
	 .summary = "reads of a read-only slot are memory's",
	 .expected = "ldr 0xeae3dcd5cec7c0b9\n"
		     "ldp 0xb2aba49d968f8881 0xeae3dcd5cec7c0b9\n"
		     "ldrb 0x96\n"
		     "done\n"},
	{.name = "rom_writes",
	 .flags = CASE_NISV,
	 .summary = "writes to it exit, and change nothing",
	 .expected = "mmio write 8 at rom: ff ff ff ff ff ff ff ff\n"
		     "mmio write 1 at rom+0x9: 55\n"
		     "still 0xb2aba49d968f8881\n"
		     "done\n"},
	{.name = "rom_first_write",
	 .flags = CASE_NISV,
	 .summary = "also as the first access to a page",
	 .expected = "mmio write 2 at rom+0x8000: 34 12\n"
		     "done\n"},
	{.name = "rom_pairs",
	 .flags = CASE_NISV,
	 .summary = "pairs: only stores exit",
	 .expected = "nisv: cm 0 wnr 1 fsc permission at rom+0x10, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc permission at rom, pc insn\n"
		     "done\n"},
	{.name = "rom_writeback",
	 .flags = CASE_NISV,
	 .summary = "pre- and post-indexed forms: only stores exit",
	 .expected = "nisv: cm 0 wnr 1 fsc permission at rom, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc permission at rom+0x3, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc permission at rom+0xf0, pc insn\n"
		     "done\n"},
	{.name = "rom_simd",
	 .flags = CASE_NISV,
	 .summary = "SIMD&FP: only stores exit",
	 .expected = "nisv: cm 0 wnr 1 fsc permission at rom+0x8, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc permission at rom, pc insn\n"
		     "done\n"},
	{.name = "rom_exclusives",
	 .flags = CASE_NISV,
	 .summary = "exclusives: only the store exits",
	 .expected = "loads over\n"
		     "nisv: cm 0 wnr 1 fsc permission at rom, pc insn+0x8\n"
		     "done\n"},
	{.name = "rom_atomics",
	 .flags = CASE_NISV,
	 .summary = "LSE atomics: WnR=1, a read would have succeeded",
	 .expected = "nisv: cm 0 wnr 1 fsc permission at rom, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc permission at rom, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc permission at rom, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc permission at rom, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc permission at rom, pc insn\n"
		     "nisv: cm 0 wnr 1 fsc permission at rom, pc insn\n"
		     "done\n"},
	{.name = "rom_zero",
	 .flags = CASE_NISV,
	 .summary = "DC ZVA is a write",
	 .expected = "nisv: cm 0 wnr 1 fsc translation at rom, pc insn\n"
		     "done\n"},
	{.name = "ls64_load",
	 .flags = CASE_NISV,
	 .summary = "LD64B has an exit of its own",
	 .expected = "ldst64b: cm 0 wnr 0 fsc translation at hole+0x40, pc insn\n"
		     "done\n"},
};

const struct conform_group conform_nisv = CONFORM_GROUP(rows);
