/* SPDX-License-Identifier: BSD-2-Clause */
/* Exception entry (DDI 0487, J1.1.2, AArch64.TakeException; D1.4.1). */
#include <stddef.h>

#include <salvage/except.h>
#include <salvage/regs.h>

/* SPSR_EL1 (DDI 0487, C5.2). */
#define PSTATE_A      (UINT64_C(1) << 8)
#define PSTATE_DAIF   (UINT64_C(15) << 6)
#define PSTATE_SSBS   (UINT64_C(1) << 12)
#define PSTATE_ALLINT (UINT64_C(1) << 13)
#define PSTATE_IL     (UINT64_C(1) << 20)
#define PSTATE_TCO    (UINT64_C(1) << 25)
#define PSTATE_PM     (UINT64_C(1) << 32)
#define PSTATE_PPEND  (UINT64_C(1) << 33)
#define PSTATE_EXLOCK (UINT64_C(1) << 34)
#define PSTATE_PACM   (UINT64_C(1) << 35)
#define PSTATE_UINJ   (UINT64_C(1) << 36)
#define PSTATE_MODE   UINT64_C(0x1f)
#define MODE_EL1h     UINT64_C(5)

/* SCTLR_EL1, SCTLR2_EL1, GCSCR_EL1 (DDI 0487, D24.2). */
#define SCTLR_SPAN      (UINT64_C(1) << 23)
#define SCTLR_DSSBS     (UINT64_C(1) << 44)
#define SCTLR_SPINTMASK (UINT64_C(1) << 62)
#define SCTLR2_NMEA     (UINT64_C(1) << 2)
#define GCSCR_EXLOCKEN  (UINT64_C(1) << 6)

/*
 * What every entry clears. Those of these that an entry may set as well are below. All that is named neither
 * here nor there stays: the flags, DIT, PAN where SPAN is 1, and what later architectures may bring.
 */
#define CLEARED                                                                                   \
	(PSTATE_MODE | SV_PSTATE_BTYPE | PSTATE_SSBS | PSTATE_ALLINT | PSTATE_IL | SV_PSTATE_SS | \
	 SV_PSTATE_UAO | PSTATE_PPEND | PSTATE_EXLOCK | PSTATE_PACM | PSTATE_UINJ)

/* Set, if the feature is there and the control has the value; a row without control sets its bit always. */
static const struct {
	uint64_t bit;
	unsigned feature;
	size_t control; /* in struct sv_entry */
	uint64_t mask, value;
} rules[] = {
	{PSTATE_SSBS, SV_EXCEPT_SSBS, offsetof(struct sv_entry, sctlr_el1), SCTLR_DSSBS, SCTLR_DSSBS},
	{PSTATE_ALLINT, SV_EXCEPT_NMI, offsetof(struct sv_entry, sctlr_el1), SCTLR_SPINTMASK, 0},
	{SV_PSTATE_PAN, SV_EXCEPT_PAN, offsetof(struct sv_entry, sctlr_el1), SCTLR_SPAN, 0},
	{PSTATE_TCO, SV_EXCEPT_MTE},
	{PSTATE_PM, SV_EXCEPT_EBEP},
	{PSTATE_EXLOCK, SV_EXCEPT_GCS, offsetof(struct sv_entry, gcscr_el1), GCSCR_EXLOCKEN, GCSCR_EXLOCKEN},
};

static uint64_t new_pstate(const struct sv_entry *entry, unsigned features)
{
	uint64_t pstate = (entry->pstate & ~CLEARED) | PSTATE_DAIF | MODE_EL1h;

	/* EXLOCK guards the return of an exception within one level; one from EL0 starts without. */
	if (!SV_PSTATE_EL(entry->pstate))
		features &= ~(unsigned)SV_EXCEPT_GCS;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		uint64_t control = *(const uint64_t *)((const char *)entry + rules[i].control);

		if (features & rules[i].feature && (control & rules[i].mask) == rules[i].value)
			pstate |= rules[i].bit;
	}
	return pstate;
}

/*
 * The row of the vector table (DDI 0487, D1.3.1): where the exception came from, and on which stack
 * pointer.
 */
static uint64_t vector_row(uint64_t pstate)
{
	if (!SV_PSTATE_EL(pstate))
		return 0x400;
	return pstate & SV_PSTATE_SP ? 0x200 : 0x000;
}

enum sv_status sv_exception_enter(struct sv_entry *entry, enum sv_vector vector, unsigned features)
{
	uint64_t pstate = entry->pstate;

	if (pstate & SV_PSTATE_nRW || SV_PSTATE_EL(pstate) > 1)
		return SV_UNSUPPORTED;
	entry->spsr_el1 = pstate;
	entry->elr_el1 = entry->pc;
	entry->pstate = new_pstate(entry, features);
	/* VBAR_EL1[10:0] are RES0. */
	entry->pc = (entry->vbar_el1 & ~UINT64_C(0x7ff)) + vector_row(pstate) + 0x80 * (uint64_t)vector;
	return SV_OK;
}

bool sv_serror_masked(const struct sv_entry *entry, unsigned features)
{
	return entry->pstate & PSTATE_A && !(features & SV_EXCEPT_DF2 && entry->sctlr2_el1 & SCTLR2_NMEA);
}
