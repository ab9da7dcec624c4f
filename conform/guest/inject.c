/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host injects. The vectors tell what was taken. */
#include "guest.h"

GUEST(inject_load)
{
	uint64_t data = 0x77;

	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(hole + 0x18));
	PRINT("register %x", data);
}

GUEST(inject_store)
{
	TRY("str %w0, [%1]", , "r"(0x44332211), "r"(hole + 0x1c));
	PRINT("over");
}

GUEST(inject_pair)
{
	uint64_t x = 0x77, y = 0x78;

	TRY("ldp %0, %1, [%2]", OUT("+&r"(x), "+&r"(y)), "r"(hole + 0x20));
	PRINT("registers %x %x", x, y);
}

GUEST(inject_translated)
{
	uint64_t x = 0x77, y = 0x78;

	stage1_on();
	TRY("ldp %0, %1, [%2]", OUT("+&r"(x), "+&r"(y)), "r"(alias(hole) + 0x20));
	PRINT("registers %x %x", x, y);
}

static void upper(struct frame *frame)
{
	PRINT("upper half of the syndrome %x", frame->esr >> 32);
	frame->elr += 4;
}

GUEST(inject_upper)
{
	uint64_t data = 0x77;

	guest_hook = upper;
	TRY("ldr %0, [%1]", OUT("+&r"(data)), "r"(hole + 0x18));
}

static void el0_load(void)
{
	uint64_t data = 0x77;

	TRY("ldr %w0, [%1]", OUT("+&r"(data)), "r"(hole + 0x24));
	PRINT("register %x", data);
}

GUEST(inject_el0)
{
	guest_el0(el0_load, SPSR_EL0);
	PRINT("back");
}

static void unmask(struct frame *frame)
{
	frame->elr += 4;
	frame->spsr &= ~0x100ul;
	guest_hook = 0;
}

/* The exception masks SError; the handler returns with it unmasked, when what is pending is taken. */
GUEST(inject_then_unmask)
{
	uint64_t data = 0x77;

	guest_hook = unmask;
	TRY("ldr %0, [%1]\n\tnop", OUT("+&r"(data)), "r"(hole + 0x18));
	PRINT("register %x", data);
}

/* The same with SError unmasked from the beginning. */
GUEST(inject_unmasked)
{
	uint64_t data = 0x77;

	__asm__ volatile("msr daifclr, #4");
	TRY("ldr %0, [%1]\n\tnop", OUT("+&r"(data)), "r"(hole + 0x18));
	PRINT("register %x", data);
}

GUEST(serror_unmasked)
{
	__asm__ volatile("msr daifclr, #4");
	SYNC(1);
	PRINT("on");
}

/* Held back by PSTATE.A, visible in ISR_EL1. */
GUEST(serror_masked)
{
	SYNC(1);
	PRINT("isr %x", READ("isr_el1"));
	guest_sync(2);
	/* An exception's return is where what is unmasked has to be taken. */
	guest_hook = unmask;
	TRY("brk #2\n\tnop", , );
	PRINT("isr %x", READ("isr_el1"));
}

static void el0_sync(void)
{
	SYNC(1);
}

GUEST(serror_el0)
{
	guest_el0(el0_sync, SPSR_EL0_SERROR);
	PRINT("back");
}
