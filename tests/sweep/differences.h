// SPDX-License-Identifier: BSD-2-Clause
// Where sv_decode and LLVM differ, and why that is right: the first that matches explains a word.
#pragma once

enum class Kind {
	LLVM_ALONE,    // LLVM takes the word as an instruction that accesses no memory; we have no row
	LLVM_ACCESS,   // LLVM takes it as a load or store; we have no row
	SALVAGE_ALONE, // we have a row; LLVM does not take the word
	SALVAGE_UNPREDICTABLE, // both take it; CONSTRAINED UNPREDICTABLE to us only
	LLVM_SOFT,             // both take it; soft fail in LLVM only
};

struct Difference {
	Kind kind;
	const char *llvm, *salvage; // regular expressions for LLVM's opcode name and our row's name
	const char *text;
};

static const Difference differences[] = {
	{Kind::LLVM_ALONE, ".*", "-", "LLVM only: no load or store by its own account, nor by ours"},
	{Kind::LLVM_ACCESS, "R?PRF(M.*|UM.*|[BHWD]_.*)", "-",
	 "LLVM only: prefetches. They generate no Data Abort (DDI 0487, PRFM), so there is no row"},
	{Kind::LLVM_ACCESS, "CLREX|DMB|DSB|ISB|HINT", "-",
	 "LLVM only: barriers, hints and CLREX, which it models as accesses"},
	{Kind::LLVM_ACCESS, "(RD|WR|SET)FFR.*", "-",
	 "LLVM only: moves of the first-fault register, modelled as memory"},
	{Kind::LLVM_ACCESS, "B?F[12]?CVT.*|FDOT.*|FMLA.*|FMMLA.*|FMOP.*|FTMOP.*|FV?DOT.*", "-",
	 "LLVM only: FP8 arithmetic, which depends on FPMR and is modelled as memory"},
	{Kind::LLVM_ACCESS, "(EXTRACT|INSERT)_.*|MOVAZ?_.*|LUTI[246]_.*|MOVT_.*|ZERO_.*", "-",
	 "LLVM only: moves between ZA, ZT0 and registers, modelled as memory"},
	{Kind::SALVAGE_ALONE, "-", "LDAPR[BH]?_.*_memop",
	 "salvage only: LDAPR with should-be-one bits clear; CONSTRAINED UNPREDICTABLE, refused"},
	{Kind::SALVAGE_ALONE, "-", "(CPY|SET).*_memcms",
	 "salvage only: CPY and SET with equal registers or register 31; CONSTRAINED UNPREDICTABLE, refused"},
	{Kind::SALVAGE_UNPREDICTABLE, ".*", "(CPY|SET).*_memcms",
	 "unpredictable to salvage only: CPY and SET with equal registers or a register 31 that LLVM does not mind"},
	{Kind::SALVAGE_UNPREDICTABLE, ".*", ".*_ldstexcl[rp](_unpriv)?",
	 "unpredictable to salvage only: exclusives with should-be-one bits clear, or whose status register is used twice (DDI 0487, STXR)"},
	{Kind::SALVAGE_UNPREDICTABLE, ".*", ".*_memop_128",
	 "unpredictable to salvage only: 128-bit atomics of one register twice"},
	{Kind::SALVAGE_UNPREDICTABLE, ".*", ".*_(ldiappstilp|ldapstl_writeback)",
	 "unpredictable to salvage only: RCpc3 pairs loaded into one register, or writeback to a transferred one"},
	{Kind::SALVAGE_UNPREDICTABLE, ".*", "ST.*_ldst_imm(pre|post)",
	 "unpredictable to salvage only: stores that write back to their source (DDI 0487, STR (immediate))"},
	{Kind::SALVAGE_UNPREDICTABLE, ".*", "LDRS.*_ldst_imm(pre|post)",
	 "unpredictable to salvage only: signed loads that write back to their target; LLVM marks those with bit 22 set"},
	{Kind::LLVM_SOFT, "LDT.*", "LDT.*_ldst_unpriv",
	 "unpredictable to LLVM only: LDTR of its own base, which has no writeback (DDI 0487, LDTR)"},
	{Kind::LLVM_SOFT, "STGP.*", "STGP_64_ldstpair_(pre|post)",
	 "unpredictable to LLVM only: STGP that writes back to its source; the Arm ARM has that condition for STP only"},
};
