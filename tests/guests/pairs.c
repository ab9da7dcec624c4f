/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every instruction here is one the CPU does not describe (ISV=0). What the recorder got is read back with
 * plain loads, and what loads delivered is compared with plain stores.
 */
#include "guest.h"

#define A 0x8877665544332211ul
#define B 0xffeeddccbbaa9988ul

/* text: "stp %x1, %x2, [%0]" and the like; %0 is the base, which must end delta higher. */
#define STORE(text, offset, delta, first, second)                                  \
	do {                                                                       \
		uint64_t base_ = RECORDER + (offset);                              \
		__asm__ volatile(text                                              \
				 : "+&r"(base_)                                    \
				 : "r"((uint64_t)(first)), "r"((uint64_t)(second)) \
				 : "memory");                                      \
		EQUAL(base_, RECORDER + (offset) + (delta));                       \
	} while (0)

#define LOAD(text, offset, delta, first, second)                                              \
	do {                                                                                  \
		uint64_t base_ = RECORDER + (offset), one_ = ~0ul, two_ = ~0ul;               \
		__asm__ volatile(text : "+&r"(base_), "+&r"(one_), "+&r"(two_) : : "memory"); \
		EQUAL(base_, RECORDER + (offset) + (delta));                                  \
		EQUAL(one_, first);                                                           \
		EQUAL(two_, second);                                                          \
	} while (0)

static void stores(void)
{
	STORE("stp %x1, %x2, [%0]", 0x00, 0, A, B);
	EQUAL(read64(RECORDER + 0x00), A);
	EQUAL(read64(RECORDER + 0x08), B);
	STORE("stp %w1, %w2, [%0, #16]", 0x00, 0, A, B);
	EQUAL(read32(RECORDER + 0x10), (uint32_t)A);
	EQUAL(read32(RECORDER + 0x14), (uint32_t)B);
	STORE("stp %x1, %x2, [%0], #-32", 0x20, -32, B, A);
	EQUAL(read64(RECORDER + 0x20), B);
	EQUAL(read64(RECORDER + 0x28), A);
	STORE("stp %w1, %w2, [%0, #8]!", 0x30, 8, B, A);
	EQUAL(read32(RECORDER + 0x38), (uint32_t)B);
	EQUAL(read32(RECORDER + 0x3c), (uint32_t)A);
	STORE("stnp %x1, %x2, [%0]", 0x40, 0, A, A);
	EQUAL(read64(RECORDER + 0x40), A);
	EQUAL(read64(RECORDER + 0x48), A);
	STORE("str %x1, [%0], #255", 0x50, 255, A, B);
	EQUAL(read64(RECORDER + 0x50), A);
	STORE("str %w1, [%0, #4]!", 0x58, 4, A, B);
	EQUAL(read64(RECORDER + 0x58), (A & 0xffffffff) << 32);
	STORE("strh %w1, [%0], #2", 0x60, 2, A, B);
	STORE("strb %w1, [%0, #2]!", 0x60, 2, B, A);
	EQUAL(read32(RECORDER + 0x60), (A & 0xffff) | (B & 0xff) << 16);
	/* Negative, and not a multiple of anything. */
	STORE("strb %w1, [%0, #-256]!", 0x177, -256, A, B);
	EQUAL(read8(RECORDER + 0x77), (uint8_t)A);
}

static void loads(void)
{
	write64(RECORDER + 0x100, A);
	write64(RECORDER + 0x108, B);
	LOAD("ldp %x1, %x2, [%0]", 0x100, 0, A, B);
	LOAD("ldp %w1, %w2, [%0]", 0x100, 0, (uint32_t)A, A >> 32);
	LOAD("ldp %x1, %x2, [%0], #16", 0x100, 16, A, B);
	LOAD("ldp %w1, %w2, [%0, #-8]!", 0x108, -8, (uint32_t)A, A >> 32);
	LOAD("ldnp %x1, %x2, [%0, #16]", 0xf0, 0, A, B);
	LOAD("ldr %x1, [%0], #8", 0x100, 8, A, ~0ul);
	LOAD("ldr %w1, [%0, #8]!", 0x100, 8, (uint32_t)B, ~0ul);
	LOAD("ldrh %w1, [%0], #1", 0x106, 1, 0x8877, ~0ul);
	LOAD("ldrb %w1, [%0, #1]!", 0x106, 1, 0x88, ~0ul);
}

/* Every width, into W and X, with the sign bit set and clear. */
static void signed_loads(void)
{
	write64(RECORDER + 0x140, 0x8000007f000080fful);
	LOAD("ldrsb %w1, [%0], #1", 0x140, 1, 0xffffffff, ~0ul);
	LOAD("ldrsb %x1, [%0], #1", 0x141, 1, 0xffffffffffffff80ul, ~0ul);
	LOAD("ldrsb %w1, [%0, #4]!", 0x140, 4, 0x7f, ~0ul);
	LOAD("ldrsb %x1, [%0, #4]!", 0x140, 4, 0x7f, ~0ul);
	LOAD("ldrsh %w1, [%0], #2", 0x140, 2, 0xffff80ff, ~0ul);
	LOAD("ldrsh %x1, [%0, #6]!", 0x140, 6, 0xffffffffffff8000ul, ~0ul);
	LOAD("ldrsh %x1, [%0], #-4", 0x144, -4, 0x7f, ~0ul);
	LOAD("ldrsw %x1, [%0], #4", 0x144, 4, 0xffffffff8000007ful, ~0ul);
	LOAD("ldrsw %x1, [%0, #-4]!", 0x144, -4, 0x80ff, ~0ul);
	LOAD("ldpsw %x1, %x2, [%0]", 0x140, 0, 0x80ff, 0xffffffff8000007ful);
	LOAD("ldpsw %x1, %x2, [%0], #8", 0x140, 8, 0x80ff, 0xffffffff8000007ful);
}

/* 31 is the stack pointer as a base and zero as an operand. */
static void register_31(void)
{
	uint64_t base = RECORDER + 0x180, x, end;

	__asm__ volatile("mov x16, sp\n\t"
			 "mov sp, %2\n\t"
			 "stp %3, xzr, [sp], #16\n\t"
			 "str %3, [sp, #16]!\n\t"
			 "ldr %0, [sp], #-32\n\t"
			 "mov %1, sp\n\t"
			 "mov sp, x16"
			 : "=&r"(x), "=&r"(end)
			 : "r"(base), "r"(A)
			 : "x16", "memory");
	EQUAL(x, A);
	EQUAL(end, base);
	EQUAL(read64(base), A);
	EQUAL(read64(base + 8), 0);
	EQUAL(read64(base + 32), A);

	write64(base, A);
	write64(base + 8, B);
	__asm__ volatile("ldp xzr, %0, [%2]\n\t"
			 "ldr xzr, [%2], #8\n\t"
			 "ldp %w1, wzr, [%2]\n\t"
			 "str wzr, [%2], #8"
			 : "=&r"(x), "=&r"(end), "+&r"(base)
			 :
			 : "memory");
	EQUAL(x, B);
	EQUAL(end, (uint32_t)B);
	EQUAL(base, RECORDER + 0x190);
	EQUAL(read64(RECORDER + 0x188), B & ~0xfffffffful);
}

/* The last bytes of the recorder, and accesses the guest could not have guessed the place of. */
static void edges(void)
{
	STORE("stp %x1, %x2, [%0]", 0xfff0, 0, A, B);
	EQUAL(read64(RECORDER_END - 16), A);
	EQUAL(read64(RECORDER_END - 8), B);
	for (uint64_t i = 0; i < 16; i++) {
		uint64_t offset = 0x1000 + i * 0x400 + i * 8;

		STORE("str %x1, [%0], #8", offset, 8, A * i, B);
		EQUAL(read64(RECORDER + offset), A * i);
	}
}

void guest_main(uint64_t dtb)
{
	stores();
	loads();
	signed_loads();
	register_31();
	edges();
	guest_print("pairs: done\n");
}
