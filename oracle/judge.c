/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "copy.h"
#include "esr.h"

/* What the architecture has an instruction do before stage 2 comes in. */
struct expected {
	bool faults;
	uint64_t dfsc, far;
};

/*
 * Ordered, atomic and exclusive accesses must be aligned to their size, or with FEAT_LSE2 and SCTLR_EL1.nAA
 * = 0 lie inside 16 bytes (DDI 0487, B2.5); STGP's to a granule. This precedes any fault of translation.
 * Our session never meets it: the fault is EL1's.
 */
static bool ordered_fault(const struct job *job, const struct sv_plan *plan, unsigned version)
{
	const struct sv_row *row = job->insn.row;
	unsigned bytes = plan->esize * plan->count;
	bool paired = row->iclass == SV_CLASS_EXCLUSIVE || row->iclass == SV_CLASS_ATOMIC;

	if (row->iclass == SV_CLASS_TAG && plan->align > plan->esize && plan->va % plan->align)
		return true; /* a granule */
	if (!case_is_ordered(row) || !(plan->va % (paired ? bytes : plan->esize)))
		return false;
	return version < 802 || (plan->va & 15) + bytes > 16;
}

static struct expected expect(const struct job *job, const struct footprint *footprint, unsigned version)
{
	if (ordered_fault(job, &footprint->plan, version))
		return (struct expected){true, DFSC_ALIGNMENT, footprint->plan.va};
	/* The memory type's alignment fault is before a permission fault (DDI 0487, R_XCHFJ). */
	if (footprint->alignment &&
	    (!footprint->status || footprint->status == SV_PERMISSION || footprint->parts))
		return (struct expected){true, DFSC_ALIGNMENT, footprint->plan.va};
	switch (footprint->status) {
	case SV_NOT_MEMORY:
	case SV_OK:
		return (struct expected){false, 0, 0};
	case SV_TRANSLATION:
		return (struct expected){true, DFSC_TRANSLATION | footprint->level, footprint->va};
	case SV_ACCESS_FLAG:
		return (struct expected){true, DFSC_ACCESS_FLAG | footprint->level, footprint->va};
	case SV_PERMISSION:
		return (struct expected){true, DFSC_PERMISSION | footprint->level, footprint->va};
	default:
		return (struct expected){true, 0, 0};
	}
}

/* Under TBI the tag byte of FAR is nobody's business. */
static bool same_address(const struct job *job, uint64_t a, uint64_t b)
{
	return job->setting.tbi ? !((a ^ b) << 8) : a == b;
}

static const char *compare_fault(const struct job *job, const struct expected *expected,
				 const struct trap *trap)
{
	uint64_t ec = EC(trap->esr_el1);

	if (EC(trap->esr) != EC_HVC64 || ec != (SV_PSTATE_EL(job->in.pstate) ? EC_ABORT : EC_ABORT_LOW))
		return "we expect a stage-1 fault";
	if (DFSC(trap->esr_el1) != expected->dfsc)
		return "stage-1 fault status";
	if (!same_address(job, trap->far_el1, expected->far))
		return "stage-1 fault address";
	return NULL;
}

static bool differ_vectors(const struct model *model, const struct vectors *vectors)
{
	unsigned bytes = model->job->setting.vector;

	return memcmp(model->z, vectors->out_z, 32 * bytes) || memcmp(model->p, vectors->out_p, 2 * bytes);
}

/* The registers that salvage writes, after a case that completed. */
static const char *compare_state(const struct model *model, const uint8_t *window)
{
	const struct job *job = model->job;
	const struct registers *out = &machine_slot(model->machine, job->slot)->outcome[PASS_MEMORY].out;
	const struct slot *slot = machine_slot(model->machine, job->slot);
	const struct vectors *vectors = machine_vectors(model->machine, job->slot);

	if (model->strayed)
		return "we access what we should not";
	if (memcmp(&model->regs[SV_X0], out->x, sizeof(out->x)))
		return "general registers";
	if (job->setting.kind == KIND_VECTOR ? differ_vectors(model, vectors)
					     : memcmp(model->v, slot->out_v, sizeof(model->v)))
		return job->setting.kind == KIND_VECTOR ? "SVE registers" : "SIMD registers";
	if (model->regs[SV_SP_EL0] != out->sp_el0 || model->regs[SV_SP_EL1] != out->sp_el1)
		return "stack pointers";
	if (model->regs[SV_PC] != out->pc)
		return "PC";
	if (model->regs[SV_PSTATE] != out->pstate)
		return "PSTATE";
	if (memcmp(model->window, window, job->bytes))
		return "memory";
	return NULL;
}

/* The first byte of the footprint that a pass takes away, or NULL. */
static bool missing(const struct footprint *footprint, enum pass pass, uint64_t *va, uint64_t *ipa)
{
	for (unsigned i = 0; i < footprint->parts; i++) {
		*va = footprint->part[i].va;
		*ipa = footprint->part[i].ipa;
		switch (pass) {
		case PASS_HOLE:
			return true;
		case PASS_READ:
			return footprint->plan.write;
		case PASS_ODD:
			if (*ipa >> 12 & 1)
				return true;
			break;
		case PASS_MEMORY:
			return false;
		}
	}
	return false;
}

/* Whether some of the footprint is memory where odd pages are not. */
static bool partly(const struct footprint *footprint)
{
	for (unsigned i = 0; i < footprint->parts; i++)
		if (!(footprint->part[i].ipa >> 12 & 1))
			return true;
	return false;
}

static const char *compare_isv(const struct sv_insn *insn, uint64_t esr, struct figures *figures)
{
	const struct sv_row *row = insn->row;
	unsigned flags = row->flags;

	if (!(flags & SV_ROW_ISV) != !(esr & ISV))
		return "ISV";
	if (!(flags & SV_ROW_ISV))
		return NULL;
	if (1u << SAS(esr) != insn->esize)
		return "SAS";
	if (!(esr & SSE) != !(flags & SV_ROW_SIGNED))
		return "SSE";
	if (SRT(esr) != insn->Rt)
		return "SRT";
	if (!(esr & SF) != !(flags & SV_ROW_SF))
		return "SF";
	if (!(esr & AR) != !(flags & (SV_ROW_ACQUIRE | SV_ROW_RELEASE))) {
		if (strcmp(sv_row_feature(row), "FEAT_LOR"))
			return "AR";
		figures->exclusions[EXCLUSION_LOR_AR]++;
	}
	return NULL;
}

static const char *compare_syndrome(const struct job *job, const struct footprint *footprint, enum pass pass,
				    const struct trap *trap, struct figures *figures)
{
	uint64_t va = 0, ipa = 0, dfsc = (pass == PASS_READ ? DFSC_PERMISSION : DFSC_TRANSLATION) | 3;
	int wnr = sv_row_wnr(job->insn.row, pass == PASS_READ);
	const char *what;

	missing(footprint, pass, &va, &ipa);
	what = compare_isv(&job->insn, trap->esr, figures);
	if (what)
		return what;
	if (wnr >= 0 && !(trap->esr & WnR) != !wnr)
		return "WnR";
	if (!(trap->esr & IL) || trap->esr & (FnV | CM | S1PTW))
		return "IL, FnV, CM or S1PTW";
	if (DFSC(trap->esr) != dfsc)
		return "fault status";
	if (!same_address(job, trap->far, va))
		return "FAR";
	if ((trap->hpfar & ~UINT64_C(0xf)) << 8 != (ipa & ~UINT64_C(0xfff)))
		return "HPFAR";
	return NULL;
}

static const char *judge_refusal(const struct job *job, const struct machine *machine, enum pass pass,
				 const struct trap *trap)
{
	struct sv_report report;
	struct model model;

	model_begin(&model, job, machine);
	model_session(&model, pass, trap, &report);
	if (report.reason != (enum sv_reason)(SV_REASON_FIRST_REFUSED + job->row->refusal - 1))
		return "the reason of a refusal";
	return NULL;
}

/* One pass with part of the data taken away. */
static const char *judge_pass(const struct job *job, const struct machine *machine,
			      const struct footprint *footprint, enum pass pass, const struct slot *slot,
			      const uint8_t *window, struct figures *figures)
{
	const struct trap *trap = &slot->outcome[pass].trap;
	const struct sv_row *row = job->row;
	struct sv_report report;
	struct model model;
	uint64_t va, ipa;
	const char *what;

	if (!missing(footprint, pass, &va, &ipa))
		return EC(trap->esr) == EC_BRK64 ? NULL : "an abort where we expect none";
	if (EC(trap->esr) != EC_ABORT_LOW)
		return "no stage-2 abort where we expect one";
	figures->syndromes++;
	what = compare_syndrome(job, footprint, pass, trap, figures);
	if (what || row->flags & SV_ROW_ISV)
		return what;

	if (row->refusal)
		return judge_refusal(job, machine, pass, trap);
	model_begin(&model, job, machine);
	model_session(&model, pass, trap, &report);
	/* Behind a read-only slot there is nobody who could perform an atomic. */
	if (row->op && pass == PASS_READ)
		return report.reason == SV_REASON_ATOMIC ? NULL : "the reason of an atomic's refusal";
	/* Tags of memory are the CPU's alone. */
	if (footprint->plan.tags && pass == PASS_ODD && partly(footprint))
		return report.reason == SV_REASON_TAGGED_MEMORY ? NULL : "the reason of a refusal over tags";
	if (report.ending != SV_ENDING_COMPLETED)
		return sv_reason_text(report.reason);
	figures->sessions++;
	return compare_state(&model, window);
}

/* What is forgiven, in full: EXCLUSIONS in judge.h says why. */
static bool exempt(const struct job *job, const struct footprint *footprint, const struct expected *expected,
		   const struct trap *trap, unsigned version, struct figures *figures)
{
	const struct sv_row *row = job->row;
	bool ordered = ordered_fault(job, &footprint->plan, version), here;

	here = EC(trap->esr) == EC_HVC64 && DFSC(trap->esr_el1) == DFSC_ALIGNMENT;
	if (expected->dfsc == DFSC_ALIGNMENT && !here && !ordered) {
		figures->exclusions[footprint->plan.align ? EXCLUSION_DEVICE_UNALIGNED
							  : EXCLUSION_ZERO_DEVICE]++;
		return true;
	}
	if (ordered && !here && version < 900 && !strcmp(sv_row_feature(row), "FEAT_LRCPC")) {
		figures->exclusions[EXCLUSION_LDAPR_UNALIGNED]++;
		return true;
	}
	if (row->iclass == SV_CLASS_CACHE) {
		figures->exclusions[EXCLUSION_CACHE]++;
		return true;
	}
	if (row->iclass == SV_CLASS_GCS) {
		figures->exclusions[EXCLUSION_GCS]++;
		return true;
	}
	if (expected->dfsc == 0 && footprint->status == SV_NOT_MEMORY) {
		figures->exclusions[EXCLUSION_INACTIVE]++;
		return false;
	}
	if (row->iclass == SV_CLASS_EXCLUSIVE && !(row->flags & SV_ROW_LOAD)) {
		figures->exclusions[EXCLUSION_STORE_EXCLUSIVE]++;
		return true;
	}
	return false;
}

/* Whether the instruction is none in this QEMU, or one that PSTATE.SM or PSTATE.ZA would have to enable. */
static bool is_undefined(const struct trap *trap)
{
	return EC(trap->esr) == EC_HVC64 && (EC(trap->esr_el1) == EC_UNKNOWN || EC(trap->esr_el1) == EC_SME);
}

/* Of an access that goes where nobody knows: what there is to know. */
static const char *judge_unaimed(const struct job *job, const struct machine *machine,
				 const struct slot *slot, struct figures *figures)
{
	const char *what = NULL;

	for (enum pass pass = PASS_HOLE; pass < PASSES && !what; pass++) {
		const struct trap *trap = &slot->outcome[pass].trap;
		int wnr = sv_row_wnr(job->row, pass == PASS_READ);

		if (EC(trap->esr) != EC_ABORT_LOW)
			continue;
		figures->syndromes++;
		if (trap->esr & ISV)
			return "ISV";
		if (wnr >= 0 && !(trap->esr & WnR) != !wnr)
			return "WnR";
		what = judge_refusal(job, machine, pass, trap);
	}
	return what;
}

/* LD1RO and its like, of a vector that is shorter than what they load. */
static bool is_short(const struct job *job)
{
	return case_kind(job->row) == KIND_VECTOR && job->row->iclass == SV_CLASS_SVE &&
	       job->row->count * job->row->esize > job->setting.vector;
}

struct verdict judge(const struct job *job, const struct machine *machine, unsigned version,
		     struct figures *figures, struct job *rest)
{
	const struct slot *slot = machine_slot(machine, job->slot);
	const struct trap *trap = &slot->outcome[PASS_MEMORY].trap;
	struct footprint footprint;
	struct expected expected;
	struct model model;
	uint8_t window[WINDOW_MOST];
	struct verdict verdict = {NULL, false};

	if (rest)
		rest->row = NULL;
	if (case_strayed(job, machine)) {
		figures->exclusions[EXCLUSION_STRAY]++;
		if (!(job->row->flags & SV_ROW_COUNTER) || !(job->row->flags & SV_ROW_STORE)) {
			verdict.what = "QEMU stores behind a page";
			return verdict;
		}
	}
	if (is_short(job)) {
		figures->exclusions[EXCLUSION_SHORT_VECTOR]++;
		verdict.what = is_undefined(trap) ? NULL : "a vector too short";
		return verdict;
	}
	if (is_undefined(trap)) {
		figures->undefined++;
		verdict.undefined = true;
		return verdict;
	}
	if (job->insn.row != job->row) {
		verdict.what = "the row decoded";
		return verdict;
	}
	if (job->setting.kind == KIND_COPY) {
		verdict.what = copy_judge(job, machine, figures, rest);
		return verdict;
	}
	if (job->setting.kind == KIND_UNAIMED) {
		figures->refused++;
		figures->exclusions[EXCLUSION_UNAIMED]++;
		verdict.what = judge_unaimed(job, machine, slot, figures);
		return verdict;
	}
	model_begin(&model, job, machine);
	model_footprint(&model, &footprint);
	expected = expect(job, &footprint, version);
	if (exempt(job, &footprint, &expected, trap, version, figures))
		return verdict;
	if (job->row->refusal)
		figures->refused++;
	else
		figures->cases++;
	if (expected.faults) {
		figures->faulted++;
		verdict.what = compare_fault(job, &expected, trap);
		return verdict;
	}
	if (EC(trap->esr) != EC_BRK64) {
		verdict.what = "an exception where we expect none";
		return verdict;
	}

	figures->completed += !job->row->refusal && footprint.parts;
	case_window_read(job, machine, PASS_MEMORY, window);
	if (job->insn.row->flags & SV_ROW_ISV && !job->insn.row->refusal) {
		model_direct(&model, &footprint);
		verdict.what = compare_state(&model, window);
	}
	for (enum pass pass = PASS_HOLE; pass < PASSES && !verdict.what; pass++)
		verdict.what = judge_pass(job, machine, &footprint, pass, slot, window, figures);
	return verdict;
}
