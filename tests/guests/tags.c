/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tag instructions on a device, behind which there are no tags: those that also store do that, the others
 * move their base, and a tag that is loaded is 0. KVM may keep FEAT_MTE from its guests while the CPU has the
 * instructions all the same, so that is tried.
 */
#include "guest.h"

#define TAG   ".arch armv8.5-a+memtag\n"
#define ONES  0xffffffffffffffff
#define WORDS 12

static void fill(void)
{
	for (unsigned i = 0; i < WORDS; i++)
		write64(RECORDER + 8 * i, ONES);
}

/* All as filled, but zero from first to before end, in bytes. */
static void zeroed(unsigned first, unsigned end)
{
	for (unsigned i = 0; i < WORDS; i++)
		EQUAL(read64(RECORDER + 8 * i), 8 * i >= first && 8 * i < end ? 0 : ONES);
}

#define RUN(at, text)                                                         \
	do {                                                                  \
		base = RECORDER + (at);                                       \
		__asm__ volatile(TAG text : "+&r"(base) : "r"(x) : "memory"); \
	} while (0)

static void stores(void)
{
	uint64_t base, x = RECORDER | 5ul << 56;

	fill();
	RUN(16, "stg %1, [%0], #32");
	EQUAL(base, RECORDER + 48);
	RUN(16, "st2g %1, [%0, #-16]!");
	EQUAL(base, RECORDER);
	RUN(32, "stg %1, [%0, #16]");
	EQUAL(base, RECORDER + 32);
	zeroed(0, 0);
	RUN(32, "stzg %1, [%0, #16]!");
	EQUAL(base, RECORDER + 48);
	zeroed(48, 64);
	fill();
	RUN(32, "stz2g %1, [%0], #-32");
	EQUAL(base, RECORDER);
	zeroed(32, 64);
	fill();
	RUN(32, "stz2g %1, [%0, #-16]");
	EQUAL(base, RECORDER + 32);
	zeroed(16, 48);
}

static void pairs(void)
{
	uint64_t base, x = 0x1122334455667788;

	fill();
	RUN(32, "stgp %1, xzr, [%0, #-16]!");
	EQUAL(base, RECORDER + 16);
	EQUAL(read64(RECORDER + 8), ONES);
	EQUAL(read64(RECORDER + 16), x);
	EQUAL(read64(RECORDER + 24), 0);
	EQUAL(read64(RECORDER + 32), ONES);
	RUN(32, "stgp %1, %1, [%0], #16");
	EQUAL(base, RECORDER + 48);
	EQUAL(read64(RECORDER + 32), x);
	EQUAL(read64(RECORDER + 40), x);
}

static void loads(void)
{
	uint64_t x = 0xfabbccdd00112233;

	/* The tag's bits of the register become 0, the others stay; any address of the granule will do. */
	__asm__ volatile(TAG "ldg %0, [%1, #16]" : "+&r"(x) : "r"(RECORDER + 5) : "memory");
	EQUAL(x, 0xf0bbccdd00112233);
}

static void refused(void)
{
	uint64_t base = HOLE, x = RECORDER | 5ul << 56;

	ABORTS(HOLE, TAG "stzg %1, [%2], #16", , "+&r"(x), "+&r"(base) : : "x17", "memory");
	ABORTS(HOLE, TAG "ldg %1, [%2]", , "+&r"(x), "+&r"(base) : : "x17", "memory");
	EQUAL(base, HOLE);
	EQUAL(x, RECORDER | 5ul << 56);
	/* The CPU itself sees to the alignment. */
	base = RECORDER + 8;
	fill();
	ABORTS_WITH(FSC_ALIGNMENT, RECORDER + 8, TAG "stzg %1, [%2], #16", , "+&r"(x), "+&r"(base)
		    :
		    : "x17", "memory");
	EQUAL(base, RECORDER + 8);
	zeroed(0, 0);
}

void guest_main(uint64_t dtb)
{
	struct cpu *cpu = this_cpu();
	uint64_t features;

	cpu->expected = 1;
	__asm__ volatile(TAG "stg %0, [%0]" : : "r"(RECORDER) : "memory");
	cpu->expected = 0;
	if (cpu->exceptions) {
		EQUAL(EC(cpu->esr), 0);
		guest_print("tags: this CPU has no FEAT_MTE\n");
		guest_exit(77);
	}
	__asm__("mrs %0, id_aa64pfr1_el1" : "=r"(features));
	guest_print("tags: MTE in ID_AA64PFR1_EL1 is ");
	guest_print_hex(features >> 8 & 0xf);
	guest_print("\n");
	stores();
	pairs();
	loads();
	refused();
	guest_print("tags: done\n");
}
