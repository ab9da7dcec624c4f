/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which instructions the CPU describes to a hypervisor and which it does not, how the others come into code
 * that talks to devices, and what to write instead. What the CPU describes: DDI 0487, D24.2, ESR_EL2, ISS
 * encoding for a Data Abort, ISV. Patterns: DDI 0487, C4.1.
 */
#include <stdio.h>

#include "explain.h"

#define UNDESCRIBED "the CPU reports ISV=0: neither register nor size, so KVM has nothing to emulate with"

#define MERGED                                                                                                      \
	"the compiler makes it of two accesses side by side: a struct that is copied, a memcpy() that is inlined, " \
	"two volatile accesses that an optimiser paired"
#define FOLDED                                                                                                    \
	"the compiler makes it of a loop over a pointer or an array: the step of the pointer is folded into the " \
	"access, and volatile does not forbid that"
#define VECTOR \
	"memcpy(), memset(), a struct that is copied, or a loop that the compiler vectorised, over device memory"
#define LEFT_TO_VMM \
	"the CPU describes it (ISV=1, LST), but KVM leaves accesses of 64 bytes to the VMM (KVM_EXIT_ARM_LDST64B)"
#define BY_64  "a driver for an accelerator that takes 64 bytes at once"
#define LOCKED "an atomic variable, a lock or a reference count that lies in device memory"

/* Row order matters: the first that matches is taken, the last matches all. */
static const struct insn_kind kinds[] = {
	{0xbfa07c00, 0x08207c00, "compare and swap pair", UNDESCRIBED, LOCKED, REMEDY_RAM},
	{0x3fa07c00, 0x08a07c00, "compare and swap", UNDESCRIBED, LOCKED, REMEDY_RAM},
	{0x3f800000, 0x08000000, "load/store exclusive", UNDESCRIBED, LOCKED, REMEDY_RAM},
	{0xbf800000, 0x89000000, "load/store exclusive, unprivileged", UNDESCRIBED, LOCKED, REMEDY_RAM},
	{0x3f800000, 0x09800000, "compare and swap, unprivileged", UNDESCRIBED, LOCKED, REMEDY_RAM},
	{0x3f800000, 0x08800000, "load-acquire/store-release", "", "", REMEDY_NONE},
	{0xfffffc00, 0xf83fd000, "64-byte load", LEFT_TO_VMM, BY_64, REMEDY_ACCESSORS},
	{0xfffffc00, 0xf83f9000, "64-byte store", LEFT_TO_VMM, BY_64, REMEDY_ACCESSORS},
	{0xffe0ec00, 0xf820a000, "64-byte store with status", LEFT_TO_VMM, BY_64, REMEDY_ACCESSORS},
	{0x3fe0fc00, 0x38a0c000, "load-acquire RCpc", "", "", REMEDY_NONE},
	{0x3f200c00, 0x38200000, "atomic memory operation", UNDESCRIBED, LOCKED, REMEDY_RAM},
	{0xff200c00, 0xf8200400, "load with pointer authentication", "", "", REMEDY_NONE},
	{0xff200c00, 0xf8200c00, "load with pointer authentication, pre-indexed", UNDESCRIBED,
	 "a table of signed pointers that lies in device memory", REMEDY_RAM},
	{0xbf200000, 0x19200000, "atomic memory operation, 128-bit, checked or unprivileged", UNDESCRIBED,
	 LOCKED, REMEDY_RAM},
	{0x3f200c00, 0x3c200000, "floating-point atomic memory operation", UNDESCRIBED, LOCKED, REMEDY_RAM},
	{0xffffec00, 0xd91f0c00, "guarded control stack store", UNDESCRIBED, "a stack in device memory",
	 REMEDY_RAM},
	{0x3f200c00, 0x19000800, "load-acquire/store-release of a pair or with writeback", UNDESCRIBED,
	 FOLDED, REMEDY_ACCESSORS},
	{0x3b200c00, 0x19000400, "memory copy or set instruction", UNDESCRIBED,
	 "memcpy() or memset() over device memory, compiled for FEAT_MOPS", REMEDY_COPYING},
	{0xff200000, 0xd9200000, "memory tag load or store", UNDESCRIBED,
	 "an allocator that tags memory, given device memory", REMEDY_RAM},
	{0xbe000000, 0x0c000000, "SIMD structure load/store", UNDESCRIBED, VECTOR, REMEDY_COPYING},
	{0x3e000000, 0x2c000000, "SIMD&FP load/store pair", UNDESCRIBED, VECTOR, REMEDY_COPYING},
	{0x0e000000, 0x0c000000, "SIMD&FP load/store", UNDESCRIBED, VECTOR, REMEDY_COPYING},
	{0x9e000000, 0x84000000, "SVE load/store", UNDESCRIBED, VECTOR, REMEDY_COPYING},
	{0x9e000000, 0x80000000, "SME load/store", UNDESCRIBED, VECTOR, REMEDY_COPYING},
	{0x3a000000, 0x28000000, "load/store pair", UNDESCRIBED, MERGED, REMEDY_ACCESSORS},
	{0x3b200c00, 0x38000800, "load/store unprivileged", "", "", REMEDY_NONE},
	{0x3b200400, 0x38000400, "load/store with writeback", UNDESCRIBED, FOLDED, REMEDY_ACCESSORS},
	{0x3b000000, 0x18000000, "load literal", "", "", REMEDY_NONE},
	{0x3b000000, 0x39000000, "load/store of one register", "", "", REMEDY_NONE},
	{0x3b200c00, 0x38200800, "load/store of one register", "", "", REMEDY_NONE},
	{0x3b200c00, 0x38000000, "load/store of one register", "", "", REMEDY_NONE},
	{0x3f200c00, 0x19000000, "load-acquire/store-release, unscaled", "", "", REMEDY_NONE},
	{0xffffffe0, 0xd50b7420, "DC ZVA", UNDESCRIBED, "memset() that zeroes device memory by cache lines",
	 REMEDY_COPYING},
	{0xffffff00, 0xd50b7400, "DC GVA or GZVA", UNDESCRIBED,
	 "an allocator that tags memory, given device memory", REMEDY_RAM},
	{0xffd8ff00, 0xd5087700, "guarded control stack instruction", UNDESCRIBED, "a stack in device memory",
	 REMEDY_RAM},
	{0xfff8f000, 0xd5087000, "cache maintenance or address translation instruction",
	 "the CPU reports ISV=0; KVM skips it where there is no memory, and cannot on a read-only memslot",
	 "cache maintenance by address over device memory or a ROM", REMEDY_CACHE},
	{0, 0, NULL, "", "", REMEDY_NONE},
};

const struct insn_kind *explain_insn_kind(uint32_t word)
{
	const struct insn_kind *kind = kinds;

	while ((word & kind->mask) != kind->value)
		kind++;
	return kind;
}

/* What to write instead: in general, then in C, C++ and Rust. */
static const char *const remedies[][4] = {
	[REMEDY_ACCESSORS] =
		{
			"reach the device through functions that hold one plain load or store in inline assembly, as Linux's "
			"readl() and writel() do",
			"in C, volatile is not enough: it keeps the access but leaves the choice of instruction to the compiler; "
			"write asm volatile(\"str %w0, [%1]\" : : \"r\"(value), \"r\"(address) : \"memory\") and the like with ldr",
			"in C++, the same inline assembly; volatile members and std::atomic leave the choice of instruction to the "
			"compiler too",
			"in Rust, read_volatile() and write_volatile() are not enough for the same reason; write "
			"asm!(\"str {0:w}, [{1}]\", in(reg) value, in(reg) address, options(nostack, preserves_flags))",
		},
	[REMEDY_COPYING] =
		{
			"copy to and from a device in a loop over functions that hold one plain load or store in inline assembly "
			"(Linux: memcpy_fromio(), memcpy_toio(), memset_io())",
			"in C, memcpy(), memset() and the assignment of a struct may use any instruction, and volatile does not stop "
			"a loop from being vectorised; -mgeneral-regs-only keeps SIMD out of a driver, but not pairs",
			"in C++, std::copy(), std::fill() and the assignment of an object become memcpy(): keep them off device memory",
			"in Rust, ptr::copy(), slices and the assignment of a struct become memcpy(): keep references and slices off "
			"device memory and move one register at a time through asm!()",
		},
	[REMEDY_RAM] =
		{
			"keep locks, counters and atomic variables in ordinary memory, and use plain accesses for the device",
			"in C, no _Atomic object and no __atomic or __sync builtin may point into device memory",
			"in C++, no std::atomic and no std::atomic_ref may refer to device memory",
			"in Rust, nothing of core::sync::atomic may refer to device memory; spin locks around a driver belong in "
			"ordinary memory",
		},
	[REMEDY_CACHE] =
		{
			"do cache maintenance on ordinary memory only: device memory is not cached",
			NULL,
			NULL,
			NULL,
		},
};

const char *explain_remedy(enum insn_remedy remedy, unsigned language)
{
	return remedy == REMEDY_NONE || language > 3 ? NULL : remedies[remedy][language];
}

char *explain_change(const struct insn_kind *kind, unsigned language)
{
	const char *remedy = explain_remedy(kind->remedy, language);
	char *text;
	int length;

	if (!remedy)
		return NULL;
	if (language)
		length = asprintf(&text, "%s.", remedy);
	else
		length = asprintf(&text, "change the guest's code: %s. Where it comes from: %s.", remedy,
				  kind->source);
	return length < 0 ? NULL : text;
}
