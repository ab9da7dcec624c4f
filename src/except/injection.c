/* SPDX-License-Identifier: BSD-2-Clause */
/* Which exceptions there are, and their syndromes (DDI 0487, D24.2, ESR_EL1). */
#include <stddef.h>

#include <salvage/except.h>
#include <salvage/regs.h>
#include <salvage/syndrome.h>

#include "../name.h"

#define ESR_EC(ec)  ((uint64_t)(ec) << 26)
#define ESR_IL      (UINT64_C(1) << 25)
#define ESR_SET(n)  ((uint64_t)(n) << 11)
#define SERROR_ISS  UINT32_C(0x1ffffff)
#define SCTLR2_EASE (UINT64_C(1) << 5)
#define ISS2        UINT32_C(0x60) /* Overlay, DirtyBit */

/* Sets of fault status codes, a bit each. */
#define FSC(code)         (UINT64_C(1) << (code))
#define FSCS(first, last) ((FSC(last) << 1) - FSC(first))

#define EXTERNAL (FSC(SV_FSC_EXTERNAL) | FSCS(0x13, 0x17) | FSC(0x18) | FSCS(0x1b, 0x1f))
/* Address size, translation, access flag and permission faults, level 0 to 3; level -1 of the first two. */
#define STAGE1 (FSCS(0x00, 0x0f) | FSC(0x29) | FSC(0x2b))

static const struct {
	uint8_t ec;       /* from EL0 */
	uint8_t ec_same;  /* from EL1 */
	bool data;        /* WnR and CM mean something */
	bool cm;          /* cache maintenance can meet it */
	bool external;    /* EASE applies */
	bool synchronous; /* it has a fault status and an address */
	bool overlays;    /* ISS2 may say why permission was denied */
	uint64_t fscs;
} kinds[SV_EXCEPTION_COUNT] = {
	[SV_EXCEPTION_DATA_EXTERNAL] = {SV_EC_DATA_LOWER, SV_EC_DATA, true, true, true, true, false,
					EXTERNAL},
	[SV_EXCEPTION_INSTRUCTION_EXTERNAL] = {SV_EC_INSTRUCTION_LOWER, SV_EC_INSTRUCTION, false, false, true,
					       true, false, EXTERNAL},
	[SV_EXCEPTION_DATA_STAGE1] = {SV_EC_DATA_LOWER, SV_EC_DATA, true, true, false, true, true, STAGE1},
	[SV_EXCEPTION_INSTRUCTION_STAGE1] = {SV_EC_INSTRUCTION_LOWER, SV_EC_INSTRUCTION, false, false, false,
					     true, true, STAGE1},
	[SV_EXCEPTION_ALIGNMENT] = {SV_EC_DATA_LOWER, SV_EC_DATA, true, false, false, true, false,
				    FSC(SV_FSC_ALIGNMENT)},
	[SV_EXCEPTION_UNSUPPORTED_ATOMIC] = {SV_EC_DATA_LOWER, SV_EC_DATA, true, false, false, true, false,
					     FSC(SV_FSC_UNSUPPORTED_ATOMIC)},
	[SV_EXCEPTION_SERROR] = {SV_EC_SERROR, SV_EC_SERROR, false, false, false, false, false, FSC(0)},
};

const char *sv_exception_name(enum sv_exception_kind kind)
{
	static const char *const names[SV_EXCEPTION_COUNT] = {
		[SV_EXCEPTION_DATA_EXTERNAL] = "an external abort",
		[SV_EXCEPTION_INSTRUCTION_EXTERNAL] = "an external abort on the fetch",
		[SV_EXCEPTION_DATA_STAGE1] = "its own stage-1 fault",
		[SV_EXCEPTION_INSTRUCTION_STAGE1] = "its own stage-1 fault on the fetch",
		[SV_EXCEPTION_ALIGNMENT] = "an alignment fault",
		[SV_EXCEPTION_UNSUPPORTED_ATOMIC] = "the abort for unsupported atomics",
		[SV_EXCEPTION_SERROR] = "an SError",
	};

	return NAME(names, kind);
}

enum sv_status sv_injection_check(const struct sv_injection *injection)
{
	unsigned fsc = injection->fsc;
	bool set_or_fnv = injection->set || injection->fnv;

	if ((unsigned)injection->kind >= SV_EXCEPTION_COUNT || fsc > 0x3f ||
	    !(kinds[injection->kind].fscs & FSC(fsc)) ||
	    ((injection->write || injection->cm) && !kinds[injection->kind].data) ||
	    (injection->cm && !kinds[injection->kind].cm) ||
	    /* SET 1 is reserved; both fields are RES0 with any other fault status. */
	    (set_or_fnv && fsc != SV_FSC_EXTERNAL) || injection->set == 1 || injection->set > 3 ||
	    (injection->fnv && injection->va_exact) ||
	    (injection->iss2 && (injection->iss2 & ~ISS2 || !kinds[injection->kind].overlays)))
		return SV_MALFORMED;
	if (!kinds[injection->kind].synchronous)
		return injection->va_exact || injection->iss & ~SERROR_ISS ||
				       (injection->iss && !injection->has_iss)
			       ? SV_MALFORMED
			       : SV_OK;
	/* A kernel that makes something of the abort by itself makes an external abort of it. */
	return injection->has_iss || injection->iss ||
			       (!kinds[injection->kind].external && !injection->va_exact)
		       ? SV_MALFORMED
		       : SV_OK;
}

/*
 * IL is 1: a data abort with ISV=0, an instruction abort and an SError say nothing else, whatever the
 * instruction's length. Never set: ISV, because an exception by hand describes no register; S1PTW, which is
 * for stage 2; EA, IMPLEMENTATION DEFINED; PFV; and of ISS2 what belongs to accesses that salvage does not
 * carry out (GCS, MTE_PERM).
 */
static uint64_t syndrome(const struct sv_injection *injection, uint64_t pstate)
{
	uint64_t ec = SV_PSTATE_EL(pstate) ? kinds[injection->kind].ec_same : kinds[injection->kind].ec;
	uint64_t esr = ESR_EC(ec) | ESR_IL | injection->iss | injection->fsc | ESR_SET(injection->set) |
		       (uint64_t)injection->iss2 << 32;

	if (injection->write || injection->cm)
		esr |= SV_ESR_WnR;
	if (injection->cm)
		esr |= SV_ESR_CM;
	if (injection->fnv)
		esr |= SV_ESR_FnV;
	return esr;
}

enum sv_status sv_exception_take(struct sv_entry *entry, const struct sv_injection *injection,
				 unsigned features)
{
	enum sv_status status = sv_injection_check(injection);
	enum sv_vector vector = SV_VECTOR_SYNCHRONOUS;
	uint64_t esr;

	if (status || (injection->set && !(features & SV_EXCEPT_RAS)))
		return SV_MALFORMED;
	if (!kinds[injection->kind].synchronous ||
	    (kinds[injection->kind].external && features & SV_EXCEPT_DF2 && entry->sctlr2_el1 & SCTLR2_EASE))
		vector = SV_VECTOR_SERROR;
	esr = syndrome(injection, entry->pstate);
	status = sv_exception_enter(entry, vector, features);
	if (status)
		return status;
	entry->esr_el1 = esr;
	if (kinds[injection->kind].synchronous)
		entry->far_el1 = injection->fnv ? 0 : injection->va;
	return SV_OK;
}
