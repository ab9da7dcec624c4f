/* SPDX-License-Identifier: BSD-2-Clause */
/* Exception entry (DDI 0487, J1.1.2, AArch64.TakeException). */
#include <salvage/except.h>
#include <salvage/regs.h>

#define PSTATE_F      (UINT64_C(1) << 6)
#define PSTATE_I      (UINT64_C(1) << 7)
#define PSTATE_A      (UINT64_C(1) << 8)
#define PSTATE_D      (UINT64_C(1) << 9)
#define PSTATE_SSBS   (UINT64_C(1) << 12)
#define PSTATE_ALLINT (UINT64_C(1) << 13)
#define PSTATE_IL     (UINT64_C(1) << 20)
#define PSTATE_TCO    (UINT64_C(1) << 25)
#define PSTATE_MODE   UINT64_C(0x1f)
#define MODE_EL1h     UINT64_C(5)

#define SCTLR_SPAN      (UINT64_C(1) << 23)
#define SCTLR_DSSBS     (UINT64_C(1) << 44)
#define SCTLR_SPINTMASK (UINT64_C(1) << 62)

/* Bits that an exception sets or clears, each by its own rule; all else of PSTATE stays. */
static uint64_t with(uint64_t pstate, uint64_t bit, bool set)
{
	return set ? pstate | bit : pstate & ~bit;
}

static uint64_t new_pstate(uint64_t pstate, uint64_t sctlr, unsigned features)
{
	pstate &= ~(PSTATE_MODE | PSTATE_IL | SV_PSTATE_SS | SV_PSTATE_BTYPE);
	pstate |= MODE_EL1h | PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F;
	if (features & SV_EXCEPT_PAN && !(sctlr & SCTLR_SPAN))
		pstate |= SV_PSTATE_PAN;
	if (features & SV_EXCEPT_UAO)
		pstate &= ~SV_PSTATE_UAO;
	if (features & SV_EXCEPT_SSBS)
		pstate = with(pstate, PSTATE_SSBS, sctlr & SCTLR_DSSBS);
	if (features & SV_EXCEPT_MTE)
		pstate |= PSTATE_TCO;
	if (features & SV_EXCEPT_NMI)
		pstate = with(pstate, PSTATE_ALLINT, !(sctlr & SCTLR_SPINTMASK));
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
	entry->pstate = new_pstate(pstate, entry->sctlr_el1, features);
	/* VBAR_EL1[10:0] are RES0. */
	entry->pc = (entry->vbar_el1 & ~UINT64_C(0x7ff)) + vector_row(pstate) + 0x80 * (uint64_t)vector;
	return SV_OK;
}

uint64_t sv_esr_data_abort(uint64_t pstate, unsigned fsc, bool write)
{
	/* EC 0x24 from a lower exception level, 0x25 from the same; IL: a 32-bit instruction. */
	uint64_t ec = SV_PSTATE_EL(pstate) ? 0x25 : 0x24;

	return ec << 26 | UINT64_C(1) << 25 | (uint64_t)write << 6 | (fsc & 0x3f);
}
