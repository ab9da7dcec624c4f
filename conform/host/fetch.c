/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fetches, table walks and cache maintenance: kvm_handle_guest_abort (arch/arm64/kvm/mmu.c). What cannot be
 * emulated at all is an external abort into the guest, at the address that it used.
 */
#include "../case.h"

static const struct conform_case rows[] = {
	{.name = "fetch_hole",
	 .summary = "a jump into a hole: an external instruction abort",
	 .expected = "to hole+0x40\n"
		     "taken: sync from el1h: esr 0x86000010 far hole+0x40 elr hole+0x40 spsr 0x3c5\n"
		     "back\n"
		     "done\n"},
	{.name = "fetch_hole_translated",
	 .summary = "FAR is the virtual address",
	 .expected =
		 "to alias:hole+0x40\n"
		 "taken: sync from el1h: esr 0x86000010 far alias:hole+0x40 elr alias:hole+0x40 spsr 0x3c5\n"
		 "back\n"
		 "done\n"},
	{.name = "fetch_hole_el0",
	 .summary = "of EL0: from a lower level",
	 .expected = "taken: sync from el0: esr 0x82000010 far hole elr hole spsr 0x3c0\n"
		     "back\n"
		     "done\n"},
	{.name = "fetch_rom",
	 .summary = "a read-only slot can be executed",
	 .expected = "to rom+0x10\n"
		     "back\n"
		     "done\n"},
	{.name = "fetch_written",
	 .summary = "what the guest wrote can be executed",
	 .expected = "to extra\n"
		     "back\n"
		     "done\n"},
	{.name = "walk_hole_load",
	 .flags = CASE_NISV,
	 .summary = "tables in a hole: an external abort, at the address translated",
	 .expected =
		 "[walk-syndrome=level] taken: sync from el1h: esr 0x96000016 far walked+0x238 elr insn spsr 0x3c5\n"
		 "[walk-syndrome=external] taken: sync from el1h: esr 0x96000010 far walked+0x238 elr insn spsr 0x3c5\n"
		 "loaded 0x0\n"
		 "[walk-syndrome=level] taken: sync from el1h: esr 0x96000016 far walked+0x238 elr insn spsr 0x3c5\n"
		 "[walk-syndrome=level] taken: sync from el1h: esr 0x96000016 far walked+0x238 elr insn spsr 0x3c5\n"
		 "[walk-syndrome=external] taken: sync from el1h: esr 0x96000010 far walked+0x238 elr insn spsr 0x3c5\n"
		 "[walk-syndrome=external] taken: sync from el1h: esr 0x96000010 far walked+0x238 elr insn spsr 0x3c5\n"
		 "done\n"},
	{.name = "walk_hole_fetch",
	 .flags = CASE_NISV,
	 .summary = "the same for a fetch",
	 .expected =
		 "to walked+0x40\n"
		 "[walk-syndrome=level] taken: sync from el1h: esr 0x86000016 far walked+0x40 elr walked+0x40 spsr 0x3c5\n"
		 "[walk-syndrome=external] taken: sync from el1h: esr 0x86000010 far walked+0x40 elr walked+0x40 spsr 0x3c5\n"
		 "back\n"
		 "done\n"},
	{.name = "walk_rom",
	 .flags = CASE_NISV,
	 .summary = "tables in a read-only slot can be walked",
	 .expected = "walked\n"
		     "done\n"},
	{.name = "walk_rom_flag",
	 .flags = CASE_NISV,
	 .summary = "a missing access flag there is stage 1's fault",
	 .expected = "taken: sync from el1h: esr 0x9600000a far walked elr insn spsr 0x3c5\n"
		     "loaded 0x0\n"
		     "done\n"},
	{.name = "walk_rom_update",
	 .flags = CASE_NISV,
	 .summary = "an update of tables there by the CPU",
	 .expected =
		 "[walk-syndrome=level] taken: sync from el1h: esr 0x96000016 far walked elr insn spsr 0x3c5\n"
		 "[walk-syndrome=external] taken: sync from el1h: esr 0x96000010 far walked elr insn spsr 0x3c5\n"
		 "loaded 0x0\n"
		 "done\n"},
	{.name = "cache_hole",
	 .flags = CASE_NISV,
	 .summary = "cache maintenance of a hole is skipped",
	 .expected = "dc cvac over\n"
		     "dc cvau over\n"
		     "dc civac over\n"
		     "dc ivac over\n"
		     "ic ivau over\n"
		     "done\n"},
	{.name = "cache_rom",
	 .flags = CASE_NISV,
	 .summary = "cache maintenance of a read-only slot, where it faults, is a write",
	 .expected = "[cache-maintenance=ignored]\n"
		     "[cache-maintenance=faults] nisv: cm 1 wnr 1 fsc translation at rom, pc insn\n"
		     "dc cvac over\n"
		     "[cache-maintenance=ignored]\n"
		     "[cache-maintenance=faults] nisv: cm 1 wnr 1 fsc translation at rom, pc insn\n"
		     "dc cvau over\n"
		     "[cache-maintenance=ignored]\n"
		     "[cache-maintenance=faults] nisv: cm 1 wnr 1 fsc translation at rom, pc insn\n"
		     "dc civac over\n"
		     "[cache-maintenance=ignored]\n"
		     "[cache-maintenance=faults] nisv: cm 1 wnr 1 fsc translation at rom, pc insn\n"
		     "dc ivac over\n"
		     "[cache-maintenance=ignored]\n"
		     "[cache-maintenance=faults] nisv: cm 1 wnr 1 fsc translation at rom, pc insn\n"
		     "ic ivau over\n"
		     "done\n"},
	{.name = "cache_rom_mapped",
	 .flags = CASE_NISV,
	 .summary = "the same of a page that is mapped",
	 .expected = "dc cvac over\n"
		     "dc cvau over\n"
		     "dc civac over\n"
		     "[dc-ivac=clean]\n"
		     "[dc-ivac=write] nisv: cm 1 wnr 1 fsc permission at rom, pc insn\n"
		     "dc ivac over\n"
		     "ic ivau over\n"
		     "done\n"},
};

const struct conform_group conform_fetch = CONFORM_GROUP(rows);
