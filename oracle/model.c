/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "model.h"

static enum sv_status get(void *vcpu, enum sv_reg reg, uint64_t *value)
{
	struct model *model = vcpu;

	model->read |= UINT64_C(1) << (reg & 63);
	*value = model->regs[reg];
	return SV_OK;
}

static enum sv_status set(void *vcpu, enum sv_reg reg, uint64_t value)
{
	struct model *model = vcpu;

	model->regs[reg] = value;
	return SV_OK;
}

static enum sv_status get_simd(void *vcpu, unsigned n, uint8_t value[16])
{
	memcpy(value, ((struct model *)vcpu)->v[n], 16);
	return SV_OK;
}

static enum sv_status set_simd(void *vcpu, unsigned n, const uint8_t value[16])
{
	memcpy(((struct model *)vcpu)->v[n], value, 16);
	return SV_OK;
}

static enum sv_status vector_length(void *vcpu, unsigned *bytes)
{
	*bytes = ((struct model *)vcpu)->job->setting.vector;
	return SV_OK;
}

static enum sv_status get_vector(void *vcpu, unsigned n, unsigned bytes, uint8_t *value)
{
	memcpy(value, ((struct model *)vcpu)->z + n * bytes, bytes);
	return SV_OK;
}

static enum sv_status set_vector(void *vcpu, unsigned n, unsigned bytes, const uint8_t *value)
{
	memcpy(((struct model *)vcpu)->z + n * bytes, value, bytes);
	return SV_OK;
}

static enum sv_status get_predicate(void *vcpu, unsigned n, unsigned bytes, uint8_t *value)
{
	memcpy(value, ((struct model *)vcpu)->p + n * bytes, bytes);
	return SV_OK;
}

static enum sv_status set_predicate(void *vcpu, unsigned n, unsigned bytes, const uint8_t *value)
{
	memcpy(((struct model *)vcpu)->p + n * bytes, value, bytes);
	return SV_OK;
}

/* Bytes of the window; what lies outside is not the case's to touch. */
static uint8_t *window(struct model *model, uint64_t ipa, unsigned size)
{
	const struct job *job = model->job;
	uint64_t offset = map_swap(ipa - IPA_OFFSET - DATA_PA) - job->at;

	if (offset < job->bytes && size <= job->bytes - offset)
		return model->window + offset;
	model->strayed = true;
	return NULL;
}

static enum sv_status load(void *vcpu, const struct sv_region *region, uint64_t ipa, unsigned size,
			   void *data)
{
	const uint8_t *at =
		region->host ? (uint8_t *)region->host + (ipa - region->first) : window(vcpu, ipa, size);

	if (!at)
		return SV_FAULT;
	memcpy(data, at, size);
	return SV_OK;
}

static enum sv_status store(void *vcpu, const struct sv_region *region, uint64_t ipa, unsigned size,
			    const void *data)
{
	uint8_t *at = region->host ? NULL : window(vcpu, ipa, size);

	if (!at)
		return SV_FAULT;
	memcpy(at, data, size);
	return SV_OK;
}

static enum sv_status inject(void *vcpu, const struct sv_injection *injection)
{
	(void)injection;
	((struct model *)vcpu)->injected = true;
	return SV_OK;
}

static const struct sv_cpu_ops ops = {
	{get, set, get_simd, set_simd, vector_length, get_vector, set_vector, get_predicate, set_predicate},
	load,
	store,
	inject,
};

static void put_registers(struct model *model, const struct registers *registers)
{
	memcpy(&model->regs[SV_X0], registers->x, sizeof(registers->x));
	model->regs[SV_SP_EL0] = registers->sp_el0;
	model->regs[SV_SP_EL1] = registers->sp_el1;
	model->regs[SV_PC] = registers->pc;
	model->regs[SV_PSTATE] = registers->pstate;
}

/* All but the memory. */
static void begin(struct model *model, const struct job *job)
{
	struct batch batch;

	memset(model, 0, offsetof(struct model, v));
	model->read = 0;
	model->strayed = model->injected = false;
	model->cpu.ops = &ops;
	model->cpu.vcpu = model;
	model->job = job;
	put_registers(model, &job->in);
	map_batch(&job->setting, &batch);
	model->regs[SV_SCTLR_EL1] = batch.sctlr;
	model->regs[SV_TCR_EL1] = batch.tcr;
	model->regs[SV_TTBR0_EL1] = batch.ttbr0;
	model->regs[SV_MAIR_EL1] = batch.mair;
	model->regs[SV_DCZID_EL0] = job->setting.dczid;
	if (job->setting.kind != KIND_VECTOR) {
		memcpy(model->v, job->v, sizeof(model->v));
		return;
	}
	memcpy(model->z, job->z, 32 * job->setting.vector);
	memcpy(model->p, job->p, 2 * job->setting.vector);
}

void model_begin(struct model *model, const struct job *job, const struct machine *machine)
{
	begin(model, job);
	model->machine = machine;
	memcpy(model->window, job->window, job->bytes);
}

void model_continue(struct model *model, const struct registers *registers, const uint8_t *window)
{
	put_registers(model, registers);
	memcpy(model->window, window, model->job->bytes);
}

static struct sv_context context(const struct model *model)
{
	return (struct sv_context){
		.pc = model->regs[SV_PC],
		.pstate = model->regs[SV_PSTATE],
		.sctlr_el1 = model->regs[SV_SCTLR_EL1],
	};
}

/* Cache maintenance and zeroing have their address in Xt; so, as the destination, have the memory copies. */
static bool addressed_by_t(const struct sv_row *row)
{
	return row->iclass == SV_CLASS_CACHE || row->iclass == SV_CLASS_ZERO || row->iclass == SV_CLASS_MOPS;
}

bool model_blocks(const struct sv_insn *insn)
{
	/* LDG goes to its own granule; of the others that are not aligned to one the word says it all. */
	return insn->row->iclass == SV_CLASS_ZERO ||
	       (insn->row->iclass == SV_CLASS_TAG && insn->row->esize == 16 && !(insn->word & 0x1ffc00));
}

unsigned model_base(const struct sv_insn *insn)
{
	return addressed_by_t(insn->row) ? insn->Rt : insn->Rn;
}

/*
 * Of a row that salvage refuses nothing is planned. Such a case still has an address, which its syndrome is
 * about: all that refused rows have is a base, and some an immediate.
 */
static enum sv_status plan_address(struct model *model, const struct sv_context *here, struct sv_plan *plan)
{
	const struct sv_insn *insn = &model->job->insn;
	const struct sv_row *row = insn->row;
	unsigned base = model_base(insn);
	uint64_t value = 0;

	if (!row->refusal)
		return sv_plan_address(insn, here, &ops.regs, model, plan);
	if (base != 31)
		value = model->regs[SV_X0 + base];
	else if (!addressed_by_t(row))
		value = model->regs[SV_PSTATE_EL(here->pstate) && here->pstate & SV_PSTATE_SP ? SV_SP_EL1
											      : SV_SP_EL0];
	*plan = (struct sv_plan){
		.va = value + (row->mode == SV_MODE_POST ? 0 : (uint64_t)insn->imm),
		.esize = insn->esize,
		.count = insn->count,
		.align = row->iclass == SV_CLASS_TAG && row->flags & SV_ROW_STORE ? 16 : insn->esize,
		.write = row->flags & SV_ROW_STORE,
		.unprivileged = row->flags & SV_ROW_UNPRIV,
	};
	return SV_OK;
}

enum sv_status model_plan(const struct job *job, struct sv_plan *plan)
{
	struct sv_context here;
	struct model model;

	begin(&model, job);
	here = context(&model);
	return plan_address(&model, &here, plan);
}

static enum sv_status read_descriptor(void *vcpu, uint64_t ipa, uint64_t *value)
{
	const struct model *model = vcpu;

	if (ipa - IPA_OFFSET - TABLES_PA >= VECTOR_PA - TABLES_PA)
		return SV_TRANSLATION;
	memcpy(value, machine_at(model->machine, ipa - IPA_OFFSET), sizeof(*value));
	return SV_OK;
}

bool model_forbids(const struct model *model, uint64_t va, bool write, bool el0)
{
	struct sv_context here = context(model);
	struct sv_access_kind kind = {.write = write, .el0 = el0};
	struct sv_translation translation;

	return sv_translate(&here, 0, va, kind, &ops.regs, read_descriptor, (void *)model, &translation);
}

static void add_part(struct footprint *footprint, uint64_t va, uint64_t ipa, uint64_t length)
{
	footprint->part[footprint->parts].va = va;
	footprint->part[footprint->parts].ipa = ipa;
	footprint->part[footprint->parts++].length = length;
}

/* The next byte that is accessed, from offset on, and how many are in a row. */
static unsigned next_run(const struct sv_plan *plan, unsigned *offset)
{
	unsigned total = plan->esize * plan->count, run;

	if (!plan->predicated)
		return total - *offset;
	while (*offset < total && !sv_plan_active(plan, *offset / plan->esize))
		*offset += plan->esize - *offset % plan->esize;
	for (run = *offset; run < total && sv_plan_active(plan, run / plan->esize);)
		run += plan->esize - run % plan->esize;
	return run - *offset;
}

/* By the map: where stage 1 forbids the access its translation does not say. */
static bool is_device(uint64_t va)
{
	return (va << 8 >> 8) - DEVICE_VA < DATA_BYTES;
}

void model_footprint(struct model *model, struct footprint *footprint)
{
	struct sv_context here = context(model);
	struct sv_plan *plan = &footprint->plan;
	unsigned offset = 0, align;
	uint64_t length;

	memset(footprint, 0, sizeof(*footprint));
	footprint->status = plan_address(model, &here, plan);
	/* An exclusive pair, which ours refuses, is one access. */
	align = model->job->row->iclass == SV_CLASS_EXCLUSIVE ? plan->esize * plan->count : plan->align;
	while (footprint->status == SV_OK && (length = next_run(plan, &offset))) {
		uint64_t va = plan->va + offset;
		bool el0 =
			!SV_PSTATE_EL(here.pstate) || (plan->unprivileged && !(here.pstate & SV_PSTATE_UAO));
		struct sv_access_kind kind = {.write = plan->write, .el0 = el0};
		struct sv_translation translation;

		/* DC ZVA reports the address that it was given (DDI 0487, FAR_EL1). */
		if (model->job->row->iclass == SV_CLASS_ZERO)
			va = model->regs[SV_X0 + model->job->insn.Rt];
		/* Of the memory type's making; what faults on any memory is judge.c's. */
		footprint->alignment = is_device(va) && (!align || plan->va % align);
		footprint->status =
			sv_translate(&here, 0, va, kind, &ops.regs, read_descriptor, model, &translation);
		footprint->va = va;
		footprint->level = translation.level;
		if (footprint->status)
			break;
		if (translation.last - translation.ipa < length - 1)
			length = translation.last - translation.ipa + 1;
		if (!footprint->parts || (footprint->part[footprint->parts - 1].ipa ^ translation.ipa) >> 12)
			add_part(footprint, va, translation.ipa, length);
		offset += (unsigned)length;
	}
}

void model_direct(struct model *model, const struct footprint *footprint)
{
	struct sv_context here = context(model);
	struct sv_plan plan = footprint->plan;
	uint8_t *data = plan.data;

	if (sv_plan_data(&model->job->insn, &ops.regs, model, &plan))
		abort(); /* our registers do not fail */
	for (unsigned i = 0; i < footprint->parts; i++) {
		uint8_t *at = window(model, footprint->part[i].ipa, footprint->part[i].length);

		if (!at)
			return;
		memcpy(plan.write ? at : data, plan.write ? data : at, footprint->part[i].length);
		data += footprint->part[i].length;
	}
	if (sv_finish(&model->job->insn, &here, &plan, &ops.regs, model))
		abort();
	model->regs[SV_PC] += model->job->insn.length;
	model->regs[SV_PSTATE] &= ~SV_PSTATE_BTYPE;
}

/* The device of our sessions, over the same bytes as QEMU's memory. */
static void atomic(struct sv_access *access, uint8_t *at)
{
	memcpy(access->data, at, access->size);
	sv_atomic(access->op, access->size, access->big_endian, access->operand, access->compare, at, at);
}

enum sv_verdict model_session(struct model *model, enum pass pass, const struct trap *trap,
			      struct sv_report *report)
{
	/* As KVM_EXIT_ARM_NISV says it. */
	struct sv_abort abort = {
		.esr_iss = trap->esr & 0x17f,
		.fault_ipa = (trap->hpfar & ~UINT64_C(0xf)) << 8 | (trap->far & 0xfff),
	};
	struct sv_session session;
	enum sv_verdict verdict;

	sv_session_begin(&session, &model->cpu, map_space(pass), NULL, &abort);
	while ((verdict = sv_session_next(&session)) == SV_VERDICT_ACCESS) {
		uint8_t *at = window(model, session.access.ipa, session.access.size);

		if (!at)
			sv_session_refuse(&session);
		else if (session.access.op)
			atomic(&session.access, at);
		else if (session.access.write)
			memcpy(at, session.access.data, session.access.size);
		else
			memcpy(session.access.data, at, session.access.size);
	}
	*report = session.report;
	return verdict;
}
