/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions made by hand: what becomes of PSTATE, PC, ELR_EL1, SPSR_EL1, ESR_EL1 and FAR_EL1 when AArch64
 * state takes an exception to EL1, as the architecture defines it. Pure and freestanding; any thread.
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

/*
 * What this vCPU has of what exception entry depends on. Only what may become 1 by an entry, or is read for
 * one, is listed: a PSTATE bit that entry clears is clear as well where it does not exist.
 */
enum sv_except_feature {
	SV_EXCEPT_PAN = 1 << 0,  /* FEAT_PAN: ID_AA64MMFR1_EL1.PAN */
	SV_EXCEPT_SSBS = 1 << 1, /* FEAT_SSBS: ID_AA64PFR1_EL1.SSBS */
	SV_EXCEPT_MTE = 1 << 2,  /* FEAT_MTE: ID_AA64PFR1_EL1.MTE; PSTATE.TCO */
	SV_EXCEPT_NMI = 1 << 3,  /* FEAT_NMI: ID_AA64PFR1_EL1.NMI; PSTATE.ALLINT */
	SV_EXCEPT_GCS = 1 << 4,  /* FEAT_GCS: ID_AA64PFR1_EL1.GCS; PSTATE.EXLOCK, GCSCR_EL1 */
	SV_EXCEPT_EBEP = 1 << 5, /* FEAT_EBEP: ID_AA64DFR1_EL1.EBEP; PSTATE.PM */
	SV_EXCEPT_DF2 = 1 << 6,  /* FEAT_DoubleFault2: ID_AA64PFR1_EL1.DF2; SCTLR2_EL1.{EASE,NMEA} */
	SV_EXCEPT_RAS = 1 << 7,  /* FEAT_RAS: ID_AA64PFR0_EL1.RAS; the SET field */
};

/* Columns of the vector table (DDI 0487, D1.3.1). */
enum sv_vector { SV_VECTOR_SYNCHRONOUS, SV_VECTOR_IRQ, SV_VECTOR_FIQ, SV_VECTOR_SERROR };

/* Fault status codes (DDI 0487, D24.2, ESR_EL1, DFSC and IFSC). Those of stage 1: sv_stage1_fsc of mmu.h. */
#define SV_FSC_EXTERNAL           0x10
#define SV_FSC_ALIGNMENT          0x21
#define SV_FSC_UNSUPPORTED_ATOMIC 0x35

/* What can be made, with the fault status codes that belong to it. */
enum sv_exception_kind {
	/*
	 * SV_FSC_EXTERNAL; 0x13-0x17 on a table walk, level -1 to 3; 0x18 and 0x1b-0x1f likewise, parity or
	 * ECC
	 */
	SV_EXCEPTION_DATA_EXTERNAL,
	SV_EXCEPTION_INSTRUCTION_EXTERNAL,
	SV_EXCEPTION_DATA_STAGE1, /* what sv_stage1_fsc of mmu.h gives */
	SV_EXCEPTION_INSTRUCTION_STAGE1,
	SV_EXCEPTION_ALIGNMENT,          /* SV_FSC_ALIGNMENT */
	SV_EXCEPTION_UNSUPPORTED_ATOMIC, /* SV_FSC_UNSUPPORTED_ATOMIC */
	SV_EXCEPTION_SERROR,             /* fsc is 0; the syndrome is iss */
	SV_EXCEPTION_COUNT
};

/* What a guest gets, for people: "an external abort". Never NULL. */
const char *sv_exception_name(enum sv_exception_kind kind);

/*
 * One exception for the guest. What contradicts the architecture (a field that the kind or the fault status
 * does not have) is refused, not dropped: sv_injection_check.
 */
struct sv_injection {
	enum sv_exception_kind kind;
	uint8_t fsc;
	uint8_t set; /* SET, with SV_FSC_EXTERNAL only: 0 recoverable (UER), 2 uncontainable (UC), 3 restartable
			(UEO) */
	bool write; /* WnR; data aborts only */
	bool cm;    /* CM: cache maintenance or AT; data aborts only. WnR is then 1, whatever write says. */
	bool fnv;   /* FnV, with SV_FSC_EXTERNAL only: there is no address */
	/*
	 * The guest must see va in FAR_EL1, and WnR and CM as given. Otherwise the exception, which must be
	 * an external abort, answers the abort that the vCPU exited with, and what the kernel makes of that
	 * by itself will do: its own FAR, with WnR and CM 0.
	 */
	bool va_exact;
	bool has_iss; /* SError: iss is meant; else the kernel or the CPU chooses */
	uint32_t iss; /* SError: ISS, bits 24:0 */
	/* Stage-1 faults: ISS2, ESR_EL1 bits 55:32; of them Overlay (bit 6) and DirtyBit (bit 5). */
	uint32_t iss2;
	uint64_t va; /* of the first byte that could not be accessed */
};

/* SV_OK, or SV_MALFORMED: no CPU would report this. */
enum sv_status sv_injection_check(const struct sv_injection *injection);

/* Inputs that do not exist on a vCPU are 0 and not looked at without their feature. */
struct sv_entry {
	uint64_t sctlr_el1, sctlr2_el1, gcscr_el1, vbar_el1; /* in */
	uint64_t pc, pstate;        /* in: at the exception; out: at the vector's first instruction */
	uint64_t elr_el1, spsr_el1; /* out */
	uint64_t esr_el1;           /* out of sv_exception_take only */
	/*
	 * In and out of sv_exception_take: an SError leaves it; one with FnV makes it 0, the architecture's
	 * UNKNOWN, so that no old address is taken for this one's.
	 */
	uint64_t far_el1;
};

/*
 * Takes an exception to EL1 whose preferred return address is entry->pc. SV_OK; SV_UNSUPPORTED, and nothing
 * changed, from AArch32 state or from EL2 and EL3.
 */
enum sv_status sv_exception_enter(struct sv_entry *entry, enum sv_vector vector, unsigned features);

/*
 * The same with syndrome and address: all of an exception. With SCTLR2_EL1.EASE external aborts go to the
 * SError vector. Whether an SError is masked is not asked: sv_serror_masked. Also SV_MALFORMED as
 * sv_injection_check, and where SET is given without FEAT_RAS; nothing changed.
 */
enum sv_status sv_exception_take(struct sv_entry *entry, const struct sv_injection *injection,
				 unsigned features);

/*
 * Whether an SError for EL1 has to wait: PSTATE.A, unless SCTLR2_EL1.NMEA says that it masks none. NMEA has
 * no say in synchronous aborts; HCRX_EL2.TMEA sends some of those to EL2, which salvage's guests lack.
 */
bool sv_serror_masked(const struct sv_entry *entry, unsigned features);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
