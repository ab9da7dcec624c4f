/* SPDX-License-Identifier: BSD-2-Clause */
/* SIMD&FP loads and stores on the recorder, each read back with plain loads, or filled with plain stores. */
#include "guest.h"

#define LOW  0x8877665544332211
#define HIGH 0xffeeddccbbaa9988

static void set_q(uint64_t low, uint64_t high)
{
	__asm__ volatile(".arch_extension simd\n mov v0.d[0], %0\n mov v0.d[1], %1" : : "r"(low), "r"(high));
}

static void get_q(uint64_t *low, uint64_t *high)
{
	__asm__ volatile(".arch_extension simd\n mov %0, v0.d[0]\n mov %1, v0.d[1]"
			 : "=r"(*low), "=r"(*high));
}

static void clear(void)
{
	for (unsigned i = 0; i < 128; i += 8)
		write64(RECORDER + i, 0);
}

#define RUN(text)                                                                           \
	do {                                                                                \
		base = RECORDER;                                                            \
		__asm__ volatile(".arch_extension simd\n" text : "+&r"(base) : : "memory"); \
	} while (0)

static void stores(void)
{
	uint64_t base;

	set_q(LOW, HIGH);
	clear();
	RUN("str q0, [%0]");
	EQUAL(read64(RECORDER), LOW);
	EQUAL(read64(RECORDER + 8), HIGH);
	clear();
	RUN("str d0, [%0], #16");
	EQUAL(base, RECORDER + 16);
	EQUAL(read64(RECORDER), LOW);
	EQUAL(read64(RECORDER + 8), 0);
	clear();
	RUN("str s0, [%0, #8]");
	EQUAL(read64(RECORDER + 8), (uint32_t)LOW);
	RUN("str h0, [%0, #4]!");
	EQUAL(base, RECORDER + 4);
	EQUAL(read64(RECORDER), (uint64_t)(uint16_t)LOW << 32);
	RUN("str b0, [%0, #1]");
	EQUAL(read8(RECORDER + 1), (uint8_t)LOW);
	clear();
	RUN("mov v1.16b, v0.16b\n stp q0, q1, [%0], #32");
	EQUAL(base, RECORDER + 32);
	EQUAL(read64(RECORDER + 16), LOW);
	EQUAL(read64(RECORDER + 24), HIGH);
	clear();
	RUN("stp s0, s0, [%0]");
	EQUAL(read64(RECORDER), (uint64_t)(uint32_t)LOW << 32 | (uint32_t)LOW);
}

static void loads(void)
{
	uint64_t base, low, high;

	write64(RECORDER, LOW);
	write64(RECORDER + 8, HIGH);
	RUN("ldr q0, [%0]");
	get_q(&low, &high);
	EQUAL(low, LOW);
	EQUAL(high, HIGH);
	/* A scalar load zeroes the rest. */
	RUN("ldr s0, [%0], #4");
	get_q(&low, &high);
	EQUAL(base, RECORDER + 4);
	EQUAL(low, (uint32_t)LOW);
	EQUAL(high, 0);
	RUN("ldp d1, d0, [%0]");
	get_q(&low, &high);
	EQUAL(low, HIGH);
	EQUAL(high, 0);
}

static void structures(void)
{
	uint64_t base, low, high;

	for (unsigned i = 0; i < 64; i++)
		write8(RECORDER + i, (uint8_t)i);
	/* Two registers, bytes in turn: the first gets the even ones. */
	RUN("ld2 {v0.16b, v1.16b}, [%0], #32");
	get_q(&low, &high);
	EQUAL(base, RECORDER + 32);
	EQUAL(low, 0x0e0c0a0806040200);
	EQUAL(high, 0x1e1c1a1816141210);
	RUN("ld4 {v29.8h, v30.8h, v31.8h, v0.8h}, [%0]");
	get_q(&low, &high);
	EQUAL(low, 0x1f1e17160f0e0706);
	EQUAL(high, 0x3f3e37362f2e2726);
	RUN("ld1r {v0.4s}, [%0], #4");
	get_q(&low, &high);
	EQUAL(low, 0x0302010003020100);
	EQUAL(high, 0x0302010003020100);
	/* One lane, the others stay. */
	set_q(LOW, HIGH);
	RUN("ld1 {v0.h}[5], [%0]");
	get_q(&low, &high);
	EQUAL(low, LOW);
	EQUAL(high, (HIGH & ~UINT64_C(0xffff0000)) | 0x0100 << 16);
	clear();
	set_q(LOW, HIGH);
	RUN("mov v1.16b, v0.16b\n st2 {v0.2d, v1.2d}, [%0]");
	EQUAL(read64(RECORDER), LOW);
	EQUAL(read64(RECORDER + 8), LOW);
	EQUAL(read64(RECORDER + 16), HIGH);
	EQUAL(read64(RECORDER + 24), HIGH);
	clear();
	RUN("st1 {v0.b}[15], [%0]");
	EQUAL(read64(RECORDER), HIGH >> 56);
}

void guest_main(uint64_t dtb)
{
	stores();
	loads();
	structures();
	guest_print("simd: done\n");
}
