/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exception entry to EL1 in AArch64 state, as the architecture defines it: what becomes of PSTATE, PC,
 * ELR_EL1 and SPSR_EL1, and the syndromes that salvage gives. Pure; any thread.
 */
#ifndef SALVAGE_EXCEPT_H
#define SALVAGE_EXCEPT_H

#include <stdbool.h>
#include <stdint.h>

#include <salvage/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* What of PSTATE exists on this vCPU; a bit that does not exist must stay zero. */
enum sv_except_feature {
	SV_EXCEPT_PAN = 1 << 0,  /* FEAT_PAN: ID_AA64MMFR1_EL1.PAN */
	SV_EXCEPT_UAO = 1 << 1,  /* FEAT_UAO: ID_AA64MMFR2_EL1.UAO */
	SV_EXCEPT_SSBS = 1 << 2, /* FEAT_SSBS: ID_AA64PFR1_EL1.SSBS */
	SV_EXCEPT_MTE = 1 << 3,  /* FEAT_MTE: ID_AA64PFR1_EL1.MTE */
	SV_EXCEPT_NMI = 1 << 4,  /* FEAT_NMI: ID_AA64PFR1_EL1.NMI */
};

/* Columns of the vector table (DDI 0487, D1.3.1). */
enum sv_vector { SV_VECTOR_SYNCHRONOUS, SV_VECTOR_IRQ, SV_VECTOR_FIQ, SV_VECTOR_SERROR };

struct sv_entry {
	uint64_t sctlr_el1, vbar_el1; /* in */
	uint64_t pc, pstate;          /* in: at the exception; out: at the vector's first instruction */
	uint64_t elr_el1, spsr_el1;   /* out */
};

/*
 * Takes an exception to EL1 whose preferred return address is entry->pc. SV_OK; SV_UNSUPPORTED, and nothing
 * changed, from AArch32 state or from EL2 and EL3.
 */
enum sv_status sv_exception_enter(struct sv_entry *entry, enum sv_vector vector, unsigned features);

/* Fault status codes that salvage gives (DDI 0487, D24.2, ESR_EL1, DFSC). */
#define SV_FSC_EXTERNAL           0x10
#define SV_FSC_ALIGNMENT          0x21
#define SV_FSC_UNSUPPORTED_ATOMIC 0x35

/*
 * ESR_EL1 of a data abort with ISV=0 that is taken from PSTATE's exception level to EL1 by a 32-bit
 * instruction.
 */
uint64_t sv_esr_data_abort(uint64_t pstate, unsigned fsc, bool write);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
