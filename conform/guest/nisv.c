/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses that the CPU does not describe (ISV=0). at: where; a hole or the read-only slot. */
#include "guest.h"

#define LSE  ".arch_extension lse\n\t"
#define SIMD ".arch_extension simd\n\t"

/* x2 and x3 are what is loaded or stored; base may be written back. */
#define FORM(text, at)                                                                                      \
	do {                                                                                                \
		register uint64_t x2_ __asm__("x2") = 2, x3_ __asm__("x3") = 3, base_ __asm__("x4") = (at); \
		__asm__ volatile(MARK text                                                                  \
				 : "+r"(x2_), "+r"(x3_), "+r"(base_)                                        \
				 :                                                                          \
				 : "x5", "x6", "x7", "x16", "x17", "memory");                               \
	} while (0)

static void pairs(uint64_t at)
{
	FORM("ldp x2, x3, [x4]", at);
	FORM("ldp w2, w3, [x4, #8]", at);
	FORM("ldpsw x2, x3, [x4]", at);
	FORM("ldnp x2, x3, [x4]", at);
	FORM("stp x2, x3, [x4, #16]", at);
	FORM("stnp w2, w3, [x4]", at);
}

static void writeback(uint64_t at)
{
	FORM("ldr x2, [x4], #8", at);
	FORM("ldrb w2, [x4, #1]!", at);
	FORM("ldrsh x2, [x4], #2", at);
	FORM("str w2, [x4], #4", at);
	FORM("strb w2, [x4, #3]!", at);
	FORM("ldp x2, x3, [x4], #16", at);
	FORM("stp x2, x3, [x4, #-16]!", at + 0x100);
}

static void simd(uint64_t at)
{
	FORM(SIMD "ldr q0, [x4]", at);
	FORM(SIMD "ldr b0, [x4, #3]", at);
	FORM(SIMD "str d0, [x4, #8]", at);
	FORM(SIMD "ldp s0, s1, [x4]", at);
	FORM(SIMD "ld1 {v0.16b, v1.16b}, [x4]", at);
	FORM(SIMD "st1 {v0.h}[3], [x4]", at);
}

static void exclusives(uint64_t at)
{
	FORM("ldxr x2, [x4]", at);
	FORM("ldaxr w2, [x4]", at);
	FORM("ldxp x2, x3, [x4]", at);
}

static void atomics(uint64_t at)
{
	if (!(READ("id_aa64isar0_el1") >> 20 & 0xf))
		guest_skip("no FEAT_LSE");
	FORM(LSE "ldadd x2, x3, [x4]", at);
	FORM(LSE "stadd w2, [x4]", at);
	FORM(LSE "swp w2, w3, [x4, #0]", at);
	FORM(LSE "ldsetal x2, x3, [x4]", at);
	FORM(LSE "cas x2, x3, [x4]", at);
	FORM(LSE "casp x2, x3, x6, x7, [x4]", at);
}

GUEST(nisv_pairs)
{
	pairs(hole);
}

GUEST(nisv_writeback)
{
	writeback(hole);
}

GUEST(nisv_simd)
{
	simd(hole);
}

/* Memory that is not Device, where hardware need not refuse these by itself. */
GUEST(nisv_exclusives)
{
	stage1_on();
	exclusives(alias(hole));
}

GUEST(nisv_atomics)
{
	stage1_on();
	atomics(alias(hole));
}

static bool zva_prohibited(void)
{
	return READ("dczid_el0") & 0x10;
}

GUEST(nisv_zero)
{
	if (zva_prohibited())
		guest_skip("DC ZVA is prohibited (DCZID_EL0.DZP)");
	stage1_on();
	FORM("dc zva, x4", alias(hole) + 0x1000);
}

GUEST(rom_pairs)
{
	stage1_on();
	pairs(alias(rom));
}

GUEST(rom_writeback)
{
	stage1_on();
	writeback(alias(rom));
}

GUEST(rom_simd)
{
	stage1_on();
	simd(alias(rom));
}

/* A load marks, a store fails at stage 2 before it can succeed or fail at the monitor. */
GUEST(rom_exclusives)
{
	stage1_on();
	exclusives(alias(rom));
	PRINT("loads over");
	/* The monitor may be lost in between, for reasons of the host's. */
	FORM("ldxr x2, [x4]\n\tmov w5, #0\n\tstxr w5, x2, [x4]\n\tcbnz w5, 77b", alias(rom));
}

GUEST(rom_atomics)
{
	stage1_on();
	atomics(alias(rom));
}

GUEST(rom_zero)
{
	if (zva_prohibited())
		guest_skip("DC ZVA is prohibited (DCZID_EL0.DZP)");
	stage1_on();
	FORM("dc zva, x4", alias(rom));
}

GUEST(rom_reads)
{
	uint64_t data, second;

	TRY("ldr %0, [%1, #8]", OUT("=&r"(data)), "r"(rom));
	PRINT("ldr %x", data);
	TRY("ldp %0, %1, [%2]", OUT("=&r"(data), "=&r"(second)), "r"(rom));
	PRINT("ldp %x %x", data, second);
	TRY("ldrb %w0, [%1, #3]", OUT("=&r"(data)), "r"(rom));
	PRINT("ldrb %x", data);
}

GUEST(rom_writes)
{
	uint64_t data;

	TRY("ldr %0, [%1]", OUT("=&r"(data)), "r"(rom));
	TRY("str %0, [%1]", , "r"(~0ul), "r"(rom));
	TRY("strb %w0, [%1]", , "r"(0x55), "r"(rom + 9));
	TRY("ldr %0, [%1]", OUT("=&r"(data)), "r"(rom));
	PRINT("still %x", data);
}

/* As the first access to its page, and as a later one: a fault of another kind. */
GUEST(rom_first_write)
{
	TRY("strh %w0, [%1]", , "r"(0x1234), "r"(rom + 0x8000));
}

GUEST(nisv_once)
{
	FORM("ldp x2, x3, [x4]", hole + 8);
	PRINT("after");
}

GUEST(nisv_low_bits)
{
	FORM("ldp x2, x3, [x4]", hole);
	FORM("ldp x2, x3, [x4]", hole + 0xfe8);
	FORM("ldrb w2, [x4], #1", hole + 0xfff);
	FORM("ldrb w2, [x4], #1", hole + 0x1fff);
	FORM("ldp x2, x3, [x4]", hole + 0x12340);
}

GUEST(nisv_translated)
{
	stage1_on();
	FORM("ldp x2, x3, [x4]", alias(hole) + 0x2348);
	FORM("stp x2, x3, [x4]", hole + 0x2348);
}

/* The first half is memory, the second is not. Whether a store's first half is done is the CPU's choice. */
GUEST(nisv_straddle)
{
	stage1_on();
	FORM("ldp x2, x3, [x4]", alias(beyond - 8));
	FORM("stp x2, x3, [x4]", alias(beyond - 8));
}

static void el0_pair(void)
{
	FORM("ldp x2, x3, [x4]", hole + 16);
}

GUEST(nisv_el0)
{
	guest_el0(el0_pair, SPSR_EL0);
	PRINT("back");
}

GUEST(nisv_tags)
{
	if ((READ("id_aa64pfr1_el1") >> 8 & 0xf) < 2)
		guest_skip("no FEAT_MTE2 for guests");
	FORM(".inst 0xd9200884" /* stg x4, [x4] */, hole);
}

/* A prefetch of what is not there is nothing at all. */
GUEST(nisv_prefetch)
{
	stage1_on();
	FORM("prfm pldl1keep, [x4]", alias(hole));
	PRINT("over");
}

GUEST(ls64_load)
{
	if (!(READ("id_aa64isar1_el1") >> 60 & 0xf))
		guest_skip("no FEAT_LS64 for guests (ID_AA64ISAR1_EL1.LS64)");
	stage1_on();
	register uint64_t base __asm__("x2") = alias(hole) + 0x40;
	__asm__ volatile(MARK ".inst 0xf83fd048" /* ld64b x8, [x2] */
			 :
			 : "r"(base)
			 : "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
}
