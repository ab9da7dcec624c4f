/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses that the CPU describes (ISV=1). */
#include "guest.h"

/* The register holds ones before, so that the transcript shows what is zeroed. */
#define LOAD(insn, reg)                                                     \
	do {                                                                \
		uint64_t data_ = ~0ul;                                      \
		TRY(insn " %" reg "0, [%1]", OUT("+&r"(data_)), "r"(hole)); \
		PRINT(insn " " reg "0 %x", data_);                          \
	} while (0)

#define STORE(insn, reg, offset) \
	TRY(insn " %" reg "0, [%1]", , "r"(0x8877665544332211ul), "r"(hole + (offset)))

GUEST(mmio_loads)
{
	LOAD("ldrb", "w");
	LOAD("ldrh", "w");
	LOAD("ldr", "w");
	LOAD("ldr", "x");
}

GUEST(mmio_signed_loads)
{
	LOAD("ldrsb", "w");
	LOAD("ldrsb", "x");
	LOAD("ldrsh", "w");
	LOAD("ldrsh", "x");
	LOAD("ldrsw", "x");
}

GUEST(mmio_stores)
{
	STORE("strb", "w", 1);
	STORE("strh", "w", 2);
	STORE("str", "w", 4);
	STORE("str", "x", 8);
	TRY("str wzr, [%0]", , "r"(hole));
	TRY("str xzr, [%0]", , "r"(hole));
}

GUEST(mmio_zero_register)
{
	TRY("ldr wzr, [%0]", , "r"(hole));
	TRY("ldr xzr, [%0]", , "r"(hole + 8));
	PRINT("over");
}

GUEST(mmio_ordered)
{
	LOAD("ldar", "w");
	LOAD("ldarb", "w");
	LOAD("ldar", "x");
	STORE("stlr", "w", 0);
	STORE("stlrh", "w", 2);
	STORE("stlr", "x", 8);
}

GUEST(mmio_unprivileged)
{
	LOAD("ldtr", "w");
	LOAD("ldtrsh", "x");
	STORE("sttr", "x", 8);
}

GUEST(mmio_addressing)
{
	uint64_t data;

	TRY("ldr %0, [%1, #0xff8]", OUT("=&r"(data)), "r"(hole));
	TRY("ldur %0, [%1, #-8]", OUT("=&r"(data)), "r"(hole + 0x1000));
	TRY("ldr %0, [%1, %2, lsl #3]", OUT("=&r"(data)), "r"(hole), "r"(4ul));
	TRY("str %0, [%1, %w2, sxtw]", , "r"(7ul), "r"(hole + 0x100), "r"(-8));
}

/* EE makes the stack big-endian as well: nothing but registers in between. */
GUEST(mmio_big_endian)
{
	uint64_t sctlr = READ("sctlr_el1"), w = 0, x = 0;

	if (!(READ("id_aa64mmfr0_el1") >> 8 & 0xf))
		guest_skip("no mixed-endian support (ID_AA64MMFR0_EL1.BigEnd)");
	__asm__ volatile("msr sctlr_el1, %2\n\tisb\n\t"
			 "ldr %w0, [%4]\n\tldr %1, [%4, #8]\n\tstr %w5, [%4, #16]\n\tstrh %w5, [%4, #20]\n\t"
			 "msr sctlr_el1, %3\n\tisb"
			 : "=&r"(w), "=&r"(x)
			 : "r"(sctlr | 1ul << 25), "r"(sctlr), "r"(hole), "r"(0x44332211ul)
			 : "memory");
	PRINT("ldr w0 %x", w);
	PRINT("ldr x0 %x", x);
}

GUEST(mmio_big_endian_signed)
{
	uint64_t sctlr = READ("sctlr_el1"), w = 0, x = 0;

	if (!(READ("id_aa64mmfr0_el1") >> 8 & 0xf))
		guest_skip("no mixed-endian support (ID_AA64MMFR0_EL1.BigEnd)");
	__asm__ volatile("msr sctlr_el1, %2\n\tisb\n\t"
			 "ldrsh %w0, [%4]\n\tldrsw %1, [%4, #8]\n\t"
			 "msr sctlr_el1, %3\n\tisb"
			 : "=&r"(w), "=&r"(x)
			 : "r"(sctlr | 1ul << 25), "r"(sctlr), "r"(hole)
			 : "memory");
	PRINT("ldrsh w0 %x", w);
	PRINT("ldrsw x0 %x", x);
}

GUEST(mmio_unaligned)
{
	uint64_t data = ~0ul;

	stage1_on();
	TRY("ldr %w0, [%1]", OUT("+&r"(data)), "r"(alias(hole) + 1));
	PRINT("ldr w0 %x", data);
	TRY("strh %w0, [%1]", , "r"(0x1234), "r"(alias(hole) + 0xffd));
}

GUEST(mmio_translated)
{
	uint64_t data;

	stage1_on();
	TRY("ldr %0, [%1]", OUT("=&r"(data)), "r"(alias(hole) + 0x1238));
	TRY("str %0, [%1]", , "r"(data), "r"(hole + 0x1238));
}

static void el0_accesses(void)
{
	LOAD("ldrh", "w");
	STORE("str", "w", 4);
}

GUEST(mmio_el0)
{
	guest_el0(el0_accesses, SPSR_EL0);
	PRINT("back");
}

GUEST(mmio_one_load)
{
	uint64_t data = ~0ul;

	TRY("ldrsb %0, [%1]", OUT("+&r"(data)), "r"(hole));
	PRINT("loaded %x", data);
}

GUEST(mmio_one_store)
{
	TRY("str %w0, [%1]", , "r"(0x44332211), "r"(hole));
	PRINT("stored");
}

/* The host steps from the sync on; what is behind the load is where a PC moved too far would be. */
GUEST(mmio_stepped)
{
	uint64_t data = 0;

	TRY("str %1, [x16, #" STRING(CHANNEL_SYNC) "]\n\tnop\n\tldr %w0, [%2]\n\tnop\n\tnop",
	    OUT("=&r"(data)), "r"(1ul), "r"(hole));
	PRINT("loaded %x", data);
}

#define SPSR_SS (1ul << 21)

static void no_more_steps(struct frame *frame)
{
	WRITE("mdscr_el1", 0);
	frame->spsr &= ~SPSR_SS;
	guest_hook = 0;
}

static void el0_stepped_load(void)
{
	uint64_t data;

	/* At the breakpoint EL1 turns stepping on. */
	TRY("brk #1\n\tldr %w0, [%1]\n\tnop\n\tnop", OUT("=&r"(data)), "r"(hole));
}

static void step_next(struct frame *frame)
{
	WRITE("mdscr_el1", 1);
	frame->elr += 4;
	frame->spsr |= SPSR_SS;
	guest_hook = no_more_steps;
}

/* The guest steps itself: MDSCR_EL1.SS, and PSTATE.SS by ERET. */
GUEST(mmio_guest_stepped)
{
	WRITE("oslar_el1", 0);
	guest_hook = step_next;
	guest_el0(el0_stepped_load, SPSR_EL0 & ~0x200ul);
	PRINT("back");
}
