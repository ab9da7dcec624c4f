/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of a vCPU as salvage sees them: read one at a time and only when needed, because under
 * KVM each costs an ioctl (DESIGN.md, invariant 8).
 */
#ifndef SALVAGE_REGS_H
#define SALVAGE_REGS_H

#include <stdint.h>

#include <salvage/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Names are the Arm ARM's. SV_X0 + n is Xn for n in 0..30; there is no SV_X31, because 31 means SP or XZR. */
enum sv_reg {
	SV_X0 = 0,
	SV_X30 = 30,
	SV_SP_EL0 = 32,
	SV_SP_EL1,
	SV_PC,
	SV_PSTATE, /* in the layout of SPSR_ELx */
	SV_SCTLR_EL1,
	SV_TCR_EL1,
	SV_TTBR0_EL1,
	SV_TTBR1_EL1,
	SV_MAIR_EL1,
	SV_TCR2_EL1,
	SV_PIR_EL1,
	SV_PIRE0_EL1,
	SV_POR_EL0,
	SV_POR_EL1,
	/* For exceptions that are entered by hand. */
	SV_VBAR_EL1,
	SV_ESR_EL1,
	SV_FAR_EL1,
	SV_ELR_EL1,
	SV_SPSR_EL1,
	/* The CPU's own, the same for all its time: how much DC ZVA zeroes. */
	SV_DCZID_EL0,
	SV_REG_COUNT,
};

/*
 * How registers are reached. The embedder fills it in and passes it with its own pointer; both calls return
 * SV_OK or SV_REGISTER. They are called on the thread that called salvage, never later and never elsewhere.
 */
struct sv_regs_ops {
	enum sv_status (*get)(void *vcpu, enum sv_reg reg, uint64_t *value);
	enum sv_status (*set)(void *vcpu, enum sv_reg reg, uint64_t value);
	/*
	 * The SIMD&FP register Vn, n in 0..31, as 16 bytes, the least significant first. Setting it zeroes
	 * what lies above bit 127 where the vCPU has SVE. Both may be NULL: then instructions that transfer
	 * such registers are not planned.
	 */
	enum sv_status (*get_simd)(void *vcpu, unsigned n, uint8_t value[16]);
	enum sv_status (*set_simd)(void *vcpu, unsigned n, const uint8_t value[16]);
	/*
	 * SVE. vector_length gives the bytes of a vector as the vCPU's exception level has it now (16 to 256,
	 * a multiple of 16), or SV_UNSUPPORTED: ZCR_EL1.LEN and what the vCPU supports decide. The others
	 * move so many bytes of Zn, n in 0..31 (what lies above becomes zero), or of Pn, n in 0..15 (an
	 * eighth of a vector), the least significant first. All may be NULL: then SVE instructions are not
	 * planned.
	 */
	enum sv_status (*vector_length)(void *vcpu, unsigned *bytes);
	enum sv_status (*get_vector)(void *vcpu, unsigned n, unsigned bytes, uint8_t *value);
	enum sv_status (*set_vector)(void *vcpu, unsigned n, unsigned bytes, const uint8_t *value);
	enum sv_status (*get_predicate)(void *vcpu, unsigned n, unsigned bytes, uint8_t *value);
	enum sv_status (*set_predicate)(void *vcpu, unsigned n, unsigned bytes, const uint8_t *value);
};

/* PSTATE as SPSR_EL1 lays it out for an exception taken from AArch64 state (DDI 0487, C5.2, SPSR_EL1). */
#define SV_PSTATE_SP         (UINT64_C(1) << 0)
#define SV_PSTATE_EL(pstate) (((pstate) >> 2) & 3)
#define SV_PSTATE_nRW        (UINT64_C(1) << 4)
#define SV_PSTATE_BTYPE      (UINT64_C(3) << 10)
#define SV_PSTATE_SS         (UINT64_C(1) << 21)
#define SV_PSTATE_C          (UINT64_C(1) << 29)
#define SV_PSTATE_N          (UINT64_C(1) << 31)
#define SV_PSTATE_PAN        (UINT64_C(1) << 22)
#define SV_PSTATE_UAO        (UINT64_C(1) << 23)

/* SCTLR_EL1 (DDI 0487, D24.2). */
#define SV_SCTLR_M    (UINT64_C(1) << 0)
#define SV_SCTLR_A    (UINT64_C(1) << 1)
#define SV_SCTLR_C    (UINT64_C(1) << 2)
#define SV_SCTLR_WXN  (UINT64_C(1) << 19)
#define SV_SCTLR_E0E  (UINT64_C(1) << 24)
#define SV_SCTLR_EE   (UINT64_C(1) << 25)
#define SV_SCTLR_EPAN (UINT64_C(1) << 57)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
