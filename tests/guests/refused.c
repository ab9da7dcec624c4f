/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What salvage knows and does not perform is refused by name: the guest gets one abort at the instruction and
 * no register changes. What the CPU lacks is left out, and said.
 */
#include "sve.h"

#define PAUTH ".arch_extension pauth\n"

static unsigned lacks;

static void lacking(const char *what)
{
	lacks++;
	guest_print("refused: this CPU has no ");
	guest_print(what);
	guest_print("\n");
}

/* Only the CPU could check the pointer. */
static void authenticated(void)
{
	uint64_t base = RECORDER + 8, x = 5, isar1;

	__asm__("mrs %0, id_aa64isar1_el1" : "=r"(isar1));
	if (!(isar1 >> 4 & 0xff)) {
		lacking("FEAT_PAuth");
		return;
	}
	/* With keys off a pointer is right as it is. */
	ABORTS(RECORDER, PAUTH "ldraa %1, [%2, #-8]!", , "+&r"(x), "+&r"(base) : : "x17", "memory");
	EQUAL(base, RECORDER + 8);
	EQUAL(x, 5);
}

/* Vectors go through memory: general registers cannot hold them. */
static _Alignas(16) uint64_t addresses[32], was[32], is[32];

#define REFUSED_SVE(text)                                                                \
	do {                                                                             \
		for (unsigned i_ = 0; i_ < 32; i_++) {                                   \
			addresses[i_] = 8 * i_;                                          \
			was[i_] = 0x0102030405060708 * (i_ + 1);                         \
		}                                                                        \
		__asm__ volatile(SVE "ldr z1, [%0]\n ldr z2, [%1]\n ptrue p1.b\n setffr" \
				 :                                                       \
				 : "r"(addresses), "r"(was)                              \
				 : "memory");                                            \
		ABORTS(RECORDER, SVE text, : "r"(RECORDER) : "x17", "memory");           \
		__asm__ volatile(SVE "str z2, [%0]" : : "r"(is) : "memory");             \
		for (unsigned i_ = 0; i_ < vector / 8; i_++)                             \
			EQUAL(is[i_], was[i_]);                                          \
	} while (0)

static void vectors(void)
{
	uint64_t features, ffr;
	unsigned vector;

	__asm__("mrs %0, id_aa64pfr0_el1" : "=r"(features));
	if (!(features >> 32 & 0xf)) {
		lacking("FEAT_SVE");
		return;
	}
	sve_on("refused");
	vector = sve_length(256);
	REFUSED_SVE("ld1d {z2.d}, p1/z, [%1, z1.d]");
	REFUSED_SVE("st1d {z2.d}, p1, [%1, z1.d]");
	REFUSED_SVE("ldff1d {z2.d}, p1/z, [%1, xzr, lsl #3]");
	__asm__ volatile(SVE "rdffr p2.b\n cntp %0, p2, p2.b" : "=r"(ffr));
	EQUAL(ffr, vector);
}

/* Maintenance of what is no memory is KVM's to skip; nothing comes of it, and nothing comes to us. */
static void caches(void)
{
	uint64_t before = this_cpu()->exceptions;

	__asm__ volatile("dc cvac, %0\n dc civac, %0\n dc cvau, %0" : : "r"(RECORDER) : "memory");
	EQUAL(this_cpu()->exceptions, before);
}

void guest_main(uint64_t dtb)
{
	for (unsigned i = 0; i < 256; i += 8)
		write64(RECORDER + i, 0x1111);
	authenticated();
	vectors();
	caches();
	for (unsigned i = 0; i < 256; i += 8)
		EQUAL(read64(RECORDER + i), 0x1111);
	if (lacks == 2)
		guest_exit(77);
	guest_print("refused: done\n");
}
