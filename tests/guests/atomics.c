/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Atomics: done as one access by the recorder; refused with the abort that says so by the register file;
 * several vCPUs lose no addition.
 */
#include "guest.h"

#define ADDITIONS 200

/* One atomic with operand x on [base]; its result is what was there. */
#define ATOMIC(text)                                          \
	({                                                    \
		uint64_t result_ = 0x5555555555555555;        \
		__asm__ volatile(".arch_extension lse\n" text \
				 : "+&r"(result_)             \
				 : "r"(x), "r"(base)          \
				 : "memory");                 \
		result_;                                      \
	})

static void operations(void)
{
	uint64_t base = RECORDER, x;

	write64(RECORDER, 0x80000000fffffff0);
	x = 0x20;
	EQUAL(ATOMIC("ldadd %w1, %w0, [%2]"), 0xfffffff0);
	EQUAL(read64(RECORDER), 0x8000000000000010);
	EQUAL(ATOMIC("ldaddal %1, %0, [%2]"), 0x8000000000000010);
	EQUAL(read64(RECORDER), 0x8000000000000030);
	x = 0x30;
	EQUAL(ATOMIC("ldclr %1, %0, [%2]"), 0x8000000000000030);
	EQUAL(read64(RECORDER), 0x8000000000000000);
	x = 1;
	EQUAL(ATOMIC("ldset %1, %0, [%2]"), 0x8000000000000000);
	EQUAL(ATOMIC("ldeor %1, %0, [%2]"), 0x8000000000000001);
	EQUAL(ATOMIC("ldsmax %1, %0, [%2]"), 0x8000000000000000);
	EQUAL(read64(RECORDER), 1);
	x = 0x8000000000000000;
	EQUAL(ATOMIC("ldumax %1, %0, [%2]"), 1);
	EQUAL(read64(RECORDER), 0x8000000000000000);
	x = 7;
	EQUAL(ATOMIC("swpb %w1, %w0, [%2]"), 0);
	EQUAL(read64(RECORDER), 0x8000000000000007);
	__asm__ volatile(".arch_extension lse\n stadd %0, [%1]" : : "r"(x), "r"(base) : "memory");
	EQUAL(read64(RECORDER), 0x800000000000000e);
}

static void compare_and_swap(void)
{
	register uint64_t x2 __asm__("x2") = 0x11, x3 __asm__("x3") = 0x22;
	register uint64_t x4 __asm__("x4") = 0x33, x5 __asm__("x5") = 0x44;
	uint64_t base = RECORDER, compare = 0x11;

	write64(RECORDER, 0x11);
	write64(RECORDER + 8, 0x22);
	__asm__ volatile(".arch_extension lse\n cas %w0, %w1, [%2]"
			 : "+&r"(compare)
			 : "r"(x4), "r"(base)
			 : "memory");
	EQUAL(compare, 0x11);
	EQUAL(read64(RECORDER), 0x33);
	__asm__ volatile(".arch_extension lse\n cas %w0, %w1, [%2]"
			 : "+&r"(compare)
			 : "r"(x5), "r"(base)
			 : "memory");
	EQUAL(compare, 0x33);
	EQUAL(read64(RECORDER), 0x33);
	x2 = 0x33;
	__asm__ volatile(".arch_extension lse\n casp x2, x3, x4, x5, [%4]"
			 : "+r"(x2), "+r"(x3)
			 : "r"(x4), "r"(x5), "r"(base)
			 : "memory");
	EQUAL(x2, 0x33);
	EQUAL(x3, 0x22);
	EQUAL(read64(RECORDER), 0x33);
	EQUAL(read64(RECORDER + 8), 0x44);
}

static void refused(void)
{
	uint64_t base = REGISTER_FILE, x = 5, y = 6;

	write32(REGISTER_FILE, 0x1111);
	ABORTS_WITH(FSC_ATOMIC, REGISTER_FILE, ".arch_extension lse\n ldadd %w1, %w2, [%3]", , "+&r"(x),
		    "+&r"(y), "+&r"(base)
		    :
		    : "x17", "memory");
	EQUAL(read32(REGISTER_FILE), 0x1111);
	base = HOLE;
	ABORTS(HOLE, ".arch_extension lse\n swp %1, %2, [%3]", , "+&r"(x), "+&r"(y), "+&r"(base)
	       :
	       : "x17", "memory");
	EQUAL(x, 5);
	EQUAL(y, 6);
}

static void add(void)
{
	uint64_t base = RECORDER + 64, x = 1;

	for (unsigned i = 0; i < ADDITIONS; i++)
		ATOMIC("ldadd %1, %0, [%2]");
}

static void second(uint64_t context)
{
	add();
	write64(RECORDER + 72, 1);
}

void guest_main(uint64_t dtb)
{
	operations();
	compare_and_swap();
	refused();
	write64(RECORDER + 64, 0);
	write64(RECORDER + 72, 0);
	if (!guest_psci(PSCI_CPU_ON, 1, (uint64_t)start_secondary, (uint64_t)second)) {
		add();
		while (!read64(RECORDER + 72))
			;
		EQUAL(read64(RECORDER + 64), 2 * ADDITIONS);
	}
	guest_print("atomics: done\n");
}
