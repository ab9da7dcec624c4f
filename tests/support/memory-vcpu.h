/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU in memory: registers, guest memory, a log of what salvage did to it. For tests and benchmarks. */
#ifndef MEMORY_VCPU_H
#define MEMORY_VCPU_H

#include <salvage/abort.h>

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE 0x4000

struct memory_vcpu {
	struct sv_cpu cpu;
	uint64_t regs[SV_REG_COUNT];
	uint8_t z[32][SV_VECTOR_BYTES], p[16][SV_PREDICATE_BYTES]; /* the least significant byte first */
	unsigned vector;                                           /* bytes in a vector; 0: no SVE */
	unsigned gets, sets, loads, stores, injections;
	unsigned got[SV_REG_COUNT]; /* how often each was read */
	struct sv_injection injection;
	enum sv_reg broken_reg; /* reading or writing it fails; SV_REG_COUNT: none */
	uint64_t poisoned;      /* the page at this IPA cannot be accessed; 0: none */
	bool cannot_inject;
	uint8_t *ram; /* RAM_SIZE bytes at RAM_BASE, the caller's */
};

void memory_vcpu_init(struct memory_vcpu *vcpu, uint8_t *ram);

/* Little-endian accessors for guest memory. */
void memory_write(struct memory_vcpu *vcpu, uint64_t ipa, unsigned size, uint64_t value);
uint64_t memory_read(const struct memory_vcpu *vcpu, uint64_t ipa, unsigned size);

#endif
