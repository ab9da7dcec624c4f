/* SPDX-License-Identifier: BSD-2-Clause */
/* Our side of a case of the translation oracle, and the comparison. */
#include <stdio.h>
#include <string.h>

#include <salvage/syndrome.h>

#include "translate.h"

#define EC_HVC 0x16
#define EC_BRK 0x3c

#define FSC_EXTERNAL 0x10

#define SCTLR_C (UINT64_C(1) << 2)

#define ESR_DirtyBit (UINT64_C(1) << 37)

struct view {
	const struct drawer *drawer;
	const struct translate_slot *slot;
	bool stage2;
	struct prediction *prediction;
};

static enum sv_status get(void *opaque, enum sv_reg reg, uint64_t *value)
{
	struct view *view = opaque;
	const struct translate_slot *slot = view->slot;
	const struct {
		enum sv_reg reg;
		uint64_t value;
	} values[] = {
		{SV_TCR_EL1, slot->tcr},     {SV_TTBR0_EL1, slot->ttbr0}, {SV_TTBR1_EL1, slot->ttbr1},
		{SV_MAIR_EL1, slot->mair},   {SV_TCR2_EL1, slot->tcr2},   {SV_PIR_EL1, slot->pir},
		{SV_PIRE0_EL1, slot->pire0}, {SV_POR_EL0, slot->por_el0}, {SV_POR_EL1, slot->por_el1},
	};

	view->prediction->registers++;
	for (unsigned i = 0; i < sizeof(values) / sizeof(*values); i++) {
		if (values[i].reg == reg) {
			*value = values[i].value;
			return SV_OK;
		}
	}
	return SV_REGISTER;
}

static const struct sv_regs_ops ops = {.get = get};

static enum sv_status read_descriptor(void *opaque, uint64_t ipa, uint64_t *value)
{
	struct view *view = opaque;
	uint64_t pa = view->stage2 ? ipa - T_IPA_OFFSET : ipa;

	view->prediction->reads++;
	view->prediction->last_read = ipa;
	/* Stage 2 maps slots, tables and data, then the code's block and the arenas. */
	if (pa < (view->stage2 ? T_SLOTS_PA : RAM_PA) || pa >= RAM_PA + RAM_BYTES ||
	    (view->stage2 && pa >= T_SLOTS_PA + 0x400000 && pa < T_CODE_PA))
		return SV_TRANSLATION;
	*value = *(uint64_t *)machine_at(view->drawer->machine, pa);
	view->prediction->desc = *value;
	return SV_OK;
}

static void predict(const struct drawer *drawer, const struct translate_job *job, uint64_t pstate,
		    struct sv_access_kind kind, struct prediction *prediction)
{
	struct view view = {drawer, job->slot, job->stage2, prediction};
	struct sv_context context = {.pstate = pstate, .sctlr_el1 = job->slot->sctlr};

	*prediction = (struct prediction){0};
	prediction->status = sv_translate(&context, drawer->features, job->slot->x0, kind, &ops,
					  read_descriptor, &view, &prediction->out);
}

/* Offset in the data of an IPA, or its size if it is not there. */
static uint64_t data_offset(const struct translate_job *job, uint64_t ipa)
{
	uint64_t offset = ipa - T_DATA_PA - (job->stage2 ? T_IPA_OFFSET : 0);

	return offset < T_DATA_BYTES ? offset : T_DATA_BYTES;
}

static uint32_t mark_of(uint64_t offset)
{
	return 0xd4200000 | (uint32_t)(offset / 4) << 5;
}

static uint32_t as_data(const struct translate_job *job, uint32_t value)
{
	return job->slot->sctlr & SV_SCTLR_EE ? __builtin_bswap32(value) : value;
}

/* The registers and the descriptor that a prediction ended with, as far as QEMU differs on them. */
struct last {
	uint64_t tcr, ttbr, desc;
	unsigned granule, output_bits;
	bool upper, large, wide; /* large: addresses of 52 bits in descriptors; wide: in the base register */
	bool pie, hd;
};

static struct last last_of(const struct drawer *drawer, const struct translate_job *job,
			   const struct prediction *prediction)
{
	static const uint8_t sizes[] = {32, 36, 40, 42, 44, 48, 52, 52};
	const struct translate_slot *slot = job->slot;
	unsigned ips = slot->tcr >> 32 & 7;
	struct last last = {
		.tcr = slot->tcr,
		.upper = slot->x0 >> 55 & 1,
		.granule = job->granule,
		.output_bits = sizes[ips],
		.large = job->ds || job->granule == 16,
		.wide = (job->ds || job->granule == 16) && ips >= 6,
		.pie = drawer->features & SV_MMU_S1PIE && slot->tcr2 & 2,
		.hd = drawer->features & SV_MMU_HD && (slot->tcr >> 39 & 3) == 3,
	};

	last.ttbr = (last.upper ? slot->ttbr1 : slot->ttbr0) & ((UINT64_C(1) << 48) - 1);
	last.desc = slot->sctlr & SV_SCTLR_EE ? __builtin_bswap64(prediction->desc) : prediction->desc;
	return last;
}

/* The first level that has blocks; this QEMU has 52-bit physical addresses. */
static int first_block(const struct translate_job *job)
{
	return job->granule == 12 ? !job->ds : job->granule == 14 ? 2 - job->ds : 1;
}

static enum translate_exclusion known(const struct drawer *drawer, const struct translate_job *job,
				      const struct prediction *prediction, struct sv_access_kind kind,
				      uint64_t pstate)
{
	struct last last = last_of(drawer, job, prediction);
	bool is_leaf = prediction->status == SV_OK || prediction->status == SV_PERMISSION;
	unsigned index_bits = 64 - (last.tcr >> (last.upper ? 16 : 0) & 0x3f) -
			      (last.granule + (unsigned)(3 - job->start) * (last.granule - 3));
	uint64_t address = prediction->reads ? last.desc & ((UINT64_C(1) << (job->ds ? 50 : 48)) - 1) &
						       ~((UINT64_C(1) << last.granule) - 1)
					     : last.ttbr;
	unsigned index =
		(unsigned)((last.desc >> 53 & 3) << 2 | (last.desc >> 51 & 1) << 1 | (last.desc >> 6 & 1));
	unsigned pire0 = job->slot->pire0 >> 4 * index & 0xf;
	unsigned output_bits = !last.large && last.output_bits > 48 ? 48 : last.output_bits;
	uint64_t sctlr = job->slot->sctlr;
	/* Address bits where QEMU does not look for them. */
	uint64_t high = !prediction->reads   ? last.ttbr & 0x3c
			: job->granule == 16 ? last.desc & 0xf000
					     : last.desc & 0x300;

	if (!(sctlr & SV_SCTLR_M) || (!prediction->reads && prediction->status != SV_ADDRESS_SIZE))
		return T_EXCLUSIONS;
	if (last.wide && index_bits < 3 && last.ttbr & 0x30 & ~((UINT64_C(8) << index_bits) - 1))
		return T_SMALL_TABLE;
	if (prediction->status == SV_ADDRESS_SIZE && last.large && last.output_bits < 52 && high &&
	    !(address >> last.output_bits))
		return T_HIGH_BITS;
	if (prediction->status == SV_TRANSLATION && (last.desc & 3) == 1 &&
	    prediction->out.level < first_block(job) && drawer->version < 802)
		return T_BLOCK;
	if (!is_leaf && prediction->status != SV_ACCESS_FLAG)
		return T_EXCLUSIONS;
	if (prediction->out.level < 3 && address >> output_bits)
		return T_BLOCK_RES0;
	if (kind.fetch && !kind.el0 && !last.pie && pstate & SV_PSTATE_PAN && sctlr & SV_SCTLR_EPAN &&
	    sctlr & SV_SCTLR_WXN)
		return T_WXN_PAN;
	if (kind.atomic && last.pie && !last.hd && last.desc >> 7 & 1 && prediction->out.esr & ESR_DirtyBit)
		return T_DIRTY_SWAP;
	if (last.pie && pstate & SV_PSTATE_PAN && !kind.fetch && !kind.el0 &&
	    (pire0 == 4 || pire0 == 11 || pire0 == 13 || pire0 == 15))
		return T_PAN_RESERVED;
	if (kind.fetch && !last.pie && last.hd && last.desc >> 51 & last.desc >> 7 & 1)
		return T_DBM_FETCH;
	return T_EXCLUSIONS;
}

/* AT knows nothing of what a store would do to the dirty state. */
static bool is_dirty_at(const struct drawer *drawer, const struct translate_job *job, bool write)
{
	struct last last = last_of(drawer, job, &job->at);
	bool is_leaf = job->at.status == SV_OK || job->at.status == SV_PERMISSION;

	return is_leaf && write && last.desc >> 7 & 1 && (last.pie || (last.hd && last.desc >> 51 & 1));
}

void translate_predict(const struct drawer *drawer, struct translate_job *job)
{
	struct translate_slot *slot = job->slot;
	struct sv_context context = {.pstate = slot->spsr};
	bool unprivileged = job->op == OP_LDTR || job->op == OP_STTR, pan = slot->at >= AT_S1E1RP;
	struct sv_access_kind at = {
		.write = slot->at == AT_S1E1W || slot->at == AT_S1E0W || slot->at == AT_S1E1WP,
		.el0 = slot->at == AT_S1E0R || slot->at == AT_S1E0W,
	};
	uint64_t offset, pstate;

	job->kind = (struct sv_access_kind){
		.write = job->op == OP_STORE || job->op == OP_STTR || job->op == OP_SWAP,
		.fetch = job->op == OP_FETCH,
		.atomic = job->op == OP_SWAP,
		.el0 = sv_access_el0(&context, unprivileged),
	};
	predict(drawer, job, slot->spsr, job->kind, &job->access);
	pstate = pan ? slot->spsr : slot->spsr & ~SV_PSTATE_PAN;
	predict(drawer, job, pstate, at, &job->at);
	job->exclusion = known(drawer, job, &job->access, job->kind, slot->spsr);
	job->at_exclusion = known(drawer, job, &job->at, at, pstate);
	if (job->at_exclusion == T_EXCLUSIONS && is_dirty_at(drawer, job, at.write))
		job->at_exclusion = T_DIRTY_AT;
	/* An external abort on the walk is an exception at EL2, not a PAR_EL1. */
	if (job->at.status == SV_FAULT || job->exclusion != T_EXCLUSIONS || job->at_exclusion != T_EXCLUSIONS)
		slot->at = AT_NONE;
	/* The BRK behind an access. */
	if (job->exclusion != T_EXCLUSIONS || job->access.status == SV_UNSUPPORTED) {
		slot->elr = slot->vbar + T_ACCESSES + 4;
		return;
	}
	offset = data_offset(job, job->access.out.ipa);
	if (job->access.status == SV_OK && job->kind.write && offset < T_DATA_BYTES) {
		slot->check = T_DATA_PA + offset;
		slot->mark = mark_of(offset);
	}
}

static const char *judge_done(const struct translate_job *job, uint64_t offset)
{
	const struct translate_slot *slot = job->slot;
	uint32_t mark = mark_of(offset);

	if (SV_EC(slot->esr_el2) != EC_BRK)
		return "a fault where we expect none";
	switch (job->op) {
	case OP_FETCH:
		return (slot->esr_el2 & 0xffff) == offset / 4 ? NULL : "the word that was executed";
	case OP_STORE:
	case OP_STTR:
		return (uint32_t)slot->found == as_data(job, (uint32_t)slot->x1) ? NULL
										 : "the word that was stored";
	case OP_SWAP:
		if ((uint32_t)slot->found != as_data(job, (uint32_t)slot->x1))
			return "the word that was stored";
		break;
	default:
		break;
	}
	return slot->x2 == as_data(job, mark) ? NULL : "the word that was loaded";
}

static bool is_abort(const struct translate_job *job, uint64_t esr, unsigned el)
{
	/* From a lower level, or from the same: EL0 goes to EL1, and both go to EL2. */
	bool lower = el == 2 || !SV_PSTATE_EL(job->slot->spsr);
	unsigned data = lower ? SV_EC_DATA_LOWER : SV_EC_DATA;
	unsigned instruction = lower ? SV_EC_INSTRUCTION_LOWER : SV_EC_INSTRUCTION;

	return SV_EC(esr) == (job->op == OP_FETCH ? instruction : data);
}

static const char *judge_stage2(const struct translate_job *job, bool walk, uint64_t ipa)
{
	const struct translate_slot *slot = job->slot;
	enum sv_fault_kind kind = sv_syndrome_fault_kind(SV_FSC(slot->esr_el2));

	if (!is_abort(job, slot->esr_el2, 2))
		return "no stage-2 abort where we expect one";
	if (kind != SV_FAULT_TRANSLATION && kind != SV_FAULT_ADDRESS_SIZE)
		return "the status of a stage-2 abort";
	if (!(slot->esr_el2 & SV_ESR_S1PTW) != !walk)
		return "whether a stage-2 abort is on a walk";
	return slot->hpfar_el2 >> 4 << 12 == (ipa & ~UINT64_C(0xfff)) ? NULL : "the output address";
}

/* What FAR_EL1 gives for a fetch: ERET has taken a tag off. */
static uint64_t fault_address(const struct translate_job *job, unsigned features)
{
	uint64_t va = job->slot->x0, tcr = job->slot->tcr;
	bool upper = va >> 55 & 1;

	if (job->op != OP_FETCH || !(tcr >> (upper ? 38 : 37) & 1) ||
	    (features & SV_MMU_TBID && tcr >> (upper ? 52 : 51) & 1))
		return va;
	return upper ? va | UINT64_C(0xff) << 56 : va & ~(UINT64_C(0xff) << 56);
}

static bool is_external(unsigned fsc)
{
	enum sv_fault_kind kind = sv_syndrome_fault_kind(fsc);

	return kind == SV_FAULT_EXTERNAL || kind == SV_FAULT_EXTERNAL_WALK;
}

#define ISS2 (UINT64_C(3) << 37) /* Overlay, DirtyBit */

static const char *judge_fault(const struct translate_job *job, unsigned features, uint64_t esr)
{
	const struct translate_slot *slot = job->slot;

	if (SV_EC(slot->esr_el2) == EC_BRK)
		return "no fault where we expect one";
	if (SV_EC(slot->esr_el2) != EC_HVC || !is_abort(job, slot->esr_el1, 1))
		return "another exception than we expect";
	if (SV_FSC(slot->esr_el1) != SV_FSC(esr))
		return "the status of a fault";
	/* UNKNOWN for the external abort of an atomic (DDI 0487, ESR_EL1, WnR). */
	if ((slot->esr_el1 ^ esr) & SV_ESR_WnR && job->op != OP_FETCH &&
	    !(job->op == OP_SWAP && is_external(SV_FSC(esr))))
		return "WnR of a fault";
	if ((slot->esr_el1 ^ esr) & ISS2)
		return "Overlay and DirtyBit of a fault";
	return slot->far_el1 == fault_address(job, features) ? NULL : "FAR of a fault";
}

#define PAR_F       UINT64_C(1)
#define PAR_FST(p)  ((unsigned)((p) >> 1 & 0x3f))
#define PAR_WALK    UINT64_C(0x300) /* PTW, S */
#define PAR_SH(p)   ((p) >> 7 & 3)
#define PAR_PA(p)   ((p)&UINT64_C(0x000ffffffffff000))
#define PAR_ATTR(p) ((p) >> 56)

static const char *judge_attributes(const struct drawer *drawer, const struct translate_job *job,
				    struct translate_figures *figures)
{
	const struct sv_memory_type *type = &job->at.out.type;
	uint64_t par = job->slot->par;

	if (!(job->slot->sctlr & SCTLR_C) && !job->at.out.device) {
		figures->exclusions[T_CACHES_OFF]++;
		return NULL;
	}
	if (PAR_ATTR(par) != type->attr)
		return "AT: the attributes";
	if (type->attr == 0x40 || PAR_SH(par) == 1) {
		figures->exclusions[T_RESERVED]++;
		return NULL;
	}
	if (drawer->version < 800 && !type->inner && !type->outer) {
		figures->exclusions[T_SHAREABILITY]++;
		return NULL;
	}
	return PAR_SH(par) == type->shareability ? NULL : "AT: the shareability";
}

static const char *judge_at(const struct drawer *drawer, const struct translate_job *job,
			    struct translate_figures *figures)
{
	const struct prediction *at = &job->at;
	uint64_t par = job->slot->par;

	if (par == UINT64_MAX)
		return "AT: an exception";
	figures->at++;
	if (at->status) {
		if (!(par & PAR_F))
			return "AT: no fault where we expect one";
		return PAR_FST(par) == SV_FSC(at->out.esr) && !(par & PAR_WALK) ? NULL : "AT: the fault";
	}
	if (par & PAR_F)
		return "AT: a fault where we expect none";
	if (PAR_PA(par) != PAR_PA(at->out.ipa))
		return "AT: the output address";
	return judge_attributes(drawer, job, figures);
}

static const char *judge_access(const struct translate_job *job, unsigned features)
{
	const struct prediction *access = &job->access;
	uint64_t offset;

	if (access->status == SV_FAULT && job->stage2)
		return judge_stage2(job, true, access->last_read);
	if (access->status)
		return judge_fault(job, features, access->out.esr);
	offset = data_offset(job, access->out.ipa);
	if (offset < T_DATA_BYTES)
		return judge_done(job, offset);
	if (job->stage2)
		return judge_stage2(job, false, access->out.ipa);
	/* There is nothing: a synchronous external abort, not on a walk. */
	return judge_fault(job, features, FSC_EXTERNAL | (job->kind.write ? SV_ESR_WnR : 0));
}

static void count(const struct translate_job *job, struct translate_figures *figures)
{
	const struct prediction *access = &job->access;
	unsigned granule = job->granule == 16 ? 2 : (job->granule - 12) / 2 + (job->ds ? 3 : 0);

	figures->ops[job->op]++;
	figures->reads[access->reads]++;
	figures->registers[access->registers]++;
	if (access->status)
		figures->faults[SV_FSC(access->out.esr)]++;
	else if (!(job->slot->sctlr & SV_SCTLR_M))
		figures->flat++;
	else {
		figures->translated++;
		figures->leaves[granule][access->out.level + 1]++;
	}
	if (access->reads && job->start >= -1)
		figures->starts[granule][job->start + 1]++;
	figures->pie += job->slot->tcr2 >> 1 & 1;
	figures->overlays += !!(job->slot->tcr2 & (job->kind.el0 ? 4 : 8));
	figures->overlay_faults += access->out.esr >> 38 & 1;
	figures->dirty_faults += access->out.esr >> 37 & 1;
}

/* An atomic that could read but not write, and met something else by reading. */
static bool is_read_first(const struct translate_job *job)
{
	const struct translate_slot *slot = job->slot;

	if (job->op != OP_SWAP || job->access.status != SV_PERMISSION || !(job->access.out.esr & SV_ESR_WnR))
		return false;
	if (SV_EC(slot->esr_el2) == EC_HVC)
		return is_abort(job, slot->esr_el1, 1) && SV_FSC(slot->esr_el1) == FSC_EXTERNAL;
	return is_abort(job, slot->esr_el2, 2) && !(slot->esr_el2 & (SV_ESR_S1PTW | SV_ESR_WnR));
}

const char *translate_judge(const struct drawer *drawer, const struct translate_job *job,
			    struct translate_figures *figures)
{
	const char *what;

	if (job->access.reads > 5 || job->at.reads > 5)
		return "we read more than five descriptors";
	if (job->access.status == SV_UNSUPPORTED || job->access.status == SV_REGISTER)
		return "we refuse";
	if (job->exclusion != T_EXCLUSIONS) {
		figures->exclusions[job->exclusion]++;
		return NULL;
	}
	if (is_read_first(job)) {
		figures->exclusions[T_SWAP]++;
		return NULL;
	}
	figures->cases++;
	count(job, figures);
	what = judge_access(job, drawer->features);
	if (what)
		return what;
	if (job->at_exclusion != T_EXCLUSIONS)
		figures->exclusions[job->at_exclusion]++;
	if (!job->slot->at)
		return NULL;
	return judge_at(drawer, job, figures);
}

void translate_describe(const struct translate_job *job, const char *what, char line[T_LINE])
{
	static const char *const ops_text[] = {"ldr", "str", "ldtr", "sttr", "swp", "fetch"};
	const struct translate_slot *slot = job->slot;
	const struct sv_translation *out = &job->access.out, *at = &job->at.out;
	const struct {
		const char *name;
		uint64_t value;
	} values[] = {
		{"at", slot->x0},
		{"\n  sctlr", slot->sctlr},
		{"tcr", slot->tcr},
		{"ttbr0", slot->ttbr0},
		{"ttbr1", slot->ttbr1},
		{"mair", slot->mair},
		{"pstate", slot->spsr},
		{"tcr2", slot->tcr2},
		{"pir", slot->pir},
		{"pire0", slot->pire0},
		{"por_el0", slot->por_el0},
		{"por_el1", slot->por_el1},
		{"\n  ours: esr", out->esr},
		{"ipa", out->ipa},
		{"descriptors", job->access.reads},
		{"the last at", job->access.last_read},
		{"is", job->access.desc},
		{"AT", slot->at},
		{"esr", at->esr},
		{"ipa", at->ipa},
		{"attr", at->type.attr},
		{"sh", at->type.shareability},
		{"\n  QEMU: esr_el2", slot->esr_el2},
		{"far_el2", slot->far_el2},
		{"hpfar_el2", slot->hpfar_el2},
		{"esr_el1", slot->esr_el1},
		{"far_el1", slot->far_el1},
		{"x2", slot->x2},
		{"found", slot->found},
		{"par", slot->par},
	};
	size_t used =
		(size_t)snprintf(line, T_LINE, "%s: %s with EL%u's rights, %u KiB%s, stage 2 %s, ours: %s",
				 what, ops_text[job->op], !job->kind.el0, 1u << (job->granule - 10),
				 job->ds ? ", DS" : "", job->stage2 ? "on" : "off",
				 sv_status_text(job->access.status));

	for (size_t i = 0; i < sizeof(values) / sizeof(*values) && used < T_LINE; i++)
		used += (size_t)snprintf(line + used, T_LINE - used, " %s %llx", values[i].name,
					 (unsigned long long)values[i].value);
}
