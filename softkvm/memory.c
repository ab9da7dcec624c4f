/* SPDX-License-Identifier: BSD-2-Clause */
/* From an address to host memory: stage 1 by src/mmu, stage 2 by the bus, and what is kept of both. */
#include <salvage/except.h>
#include <salvage/syndrome.h>

#include "model.h"

#define ESR_IL     (UINT64_C(1) << 25)
#define ISS_SAS(n) ((uint64_t)(n) << 22)
#define ISS_SSE    (UINT64_C(1) << 21)
#define ISS_SRT(n) ((uint64_t)(n) << 16)
#define ISS_SF     (UINT64_C(1) << 15)
#define ISS_AR     (UINT64_C(1) << 14)

/* Ends a walk that stage 2 does not let happen: no fault of stage 1's. */
#define STAGE2 SV_SYSTEM

static const struct {
	uint8_t from, to; /* enum sv_reg */
} registers[] = {
	{SV_SCTLR_EL1, SOFT_SCTLR_EL1}, {SV_TCR_EL1, SOFT_TCR_EL1},     {SV_TTBR0_EL1, SOFT_TTBR0_EL1},
	{SV_TTBR1_EL1, SOFT_TTBR1_EL1}, {SV_MAIR_EL1, SOFT_MAIR_EL1},   {SV_VBAR_EL1, SOFT_VBAR_EL1},
	{SV_ESR_EL1, SOFT_ESR_EL1},     {SV_FAR_EL1, SOFT_FAR_EL1},     {SV_ELR_EL1, SOFT_ELR_EL1},
	{SV_SPSR_EL1, SOFT_SPSR_EL1},   {SV_DCZID_EL0, SOFT_DCZID_EL0},
};

static uint64_t *find_register(struct soft_cpu *cpu, enum sv_reg reg)
{
	if (reg <= SV_X30)
		return &cpu->x[reg];
	switch (reg) {
	case SV_SP_EL0:
		return &cpu->sp[0];
	case SV_SP_EL1:
		return &cpu->sp[1];
	case SV_PC:
		return &cpu->pc;
	case SV_PSTATE:
		return &cpu->pstate;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(registers) / sizeof(*registers); i++)
		if (registers[i].from == reg)
			return &cpu->sysreg[registers[i].to];
	return NULL;
}

static enum sv_status get(void *vcpu, enum sv_reg reg, uint64_t *value)
{
	const uint64_t *found = find_register(vcpu, reg);

	if (!found)
		return SV_REGISTER;
	*value = *found;
	return SV_OK;
}

static enum sv_status set(void *vcpu, enum sv_reg reg, uint64_t value)
{
	uint64_t *found = find_register(vcpu, reg);

	if (!found)
		return SV_REGISTER;
	*found = value;
	return SV_OK;
}

static enum sv_status get_simd(void *vcpu, unsigned n, uint8_t value[16])
{
	memcpy(value, ((struct soft_cpu *)vcpu)->v[n], 16);
	return SV_OK;
}

static enum sv_status set_simd(void *vcpu, unsigned n, const uint8_t value[16])
{
	memcpy(((struct soft_cpu *)vcpu)->v[n], value, 16);
	return SV_OK;
}

const struct sv_regs_ops soft_regs_ops = {.get = get, .set = set, .get_simd = get_simd, .set_simd = set_simd};

struct sv_context soft_context(const struct soft_cpu *cpu)
{
	return (struct sv_context){cpu->pc, cpu->pstate, cpu->sysreg[SOFT_SCTLR_EL1]};
}

/* Asks the bus; a failure is kept for the syndrome. */
static bool look_up(struct soft_cpu *cpu, uint64_t ipa, struct soft_lookup lookup, struct soft_page *page)
{
	struct soft_caches *caches = cpu->caches;

	*page = (struct soft_page){0};
	if (caches->bus->page(caches->bus->opaque, ipa & PAGE_MASK, lookup, page))
		return true;
	caches->page = *page;
	caches->page_ipa = ipa;
	caches->page_walk = lookup.walk;
	return false;
}

static enum sv_status read_descriptor(void *vcpu, uint64_t ipa, uint64_t *value)
{
	struct soft_page page;

	if (!look_up(vcpu, ipa, (struct soft_lookup){.walk = true}, &page))
		return STAGE2;
	*value = __atomic_load_n((const uint64_t *)(page.host + ipa % PAGE_BYTES), __ATOMIC_ACQUIRE);
	return SV_OK;
}

enum sv_status soft_translate(struct soft_cpu *cpu, uint64_t va, struct sv_access_kind kind,
			      struct sv_translation *out)
{
	struct sv_context context = soft_context(cpu);

	return sv_translate(&context, cpu->caches->mmu_features, va, kind, &soft_regs_ops, read_descriptor,
			    cpu, out);
}

/* Which of the data aborts the ISS describes by instruction (DDI 0487, D24.2, ISV): stage 2's own, not of a walk. */
static uint64_t instruction_syndrome(const struct sv_insn *insn)
{
	const struct sv_row *row = insn->row;

	return SV_ESR_ISV | ISS_SAS(__builtin_ctz(insn->esize)) | (row->flags & SV_ROW_SIGNED ? ISS_SSE : 0) |
	       ISS_SRT(insn->Rt) | (row->flags & SV_ROW_SF ? ISS_SF : 0) |
	       (row->flags & (SV_ROW_ACQUIRE | SV_ROW_RELEASE) ? ISS_AR : 0);
}

/* Stage 2 says no: what EL2 is told. level is of the walk that failed. */
static enum soft_step abort_to_el2(struct soft_cpu *cpu, uint64_t va, const struct soft_access *access,
				   int level)
{
	const struct soft_caches *caches = cpu->caches;
	const struct soft_page *page = &caches->page;
	enum sv_fault_kind kind = sv_syndrome_fault_kind(page->fsc);
	bool external = kind == SV_FAULT_EXTERNAL || kind == SV_FAULT_EXTERNAL_WALK ||
			kind == SV_FAULT_PARITY || kind == SV_FAULT_PARITY_WALK;
	unsigned fsc = page->fsc;
	uint64_t esr;

	/* An external abort on a descriptor has the walk's level. */
	if (caches->page_walk && (kind == SV_FAULT_EXTERNAL || kind == SV_FAULT_PARITY))
		fsc += 4 + (unsigned)level;
	esr = (uint64_t)(access->kind == SOFT_FETCH ? SV_EC_INSTRUCTION_LOWER : SV_EC_DATA_LOWER) << 26 |
	      ESR_IL | fsc;
	esr |= (page->fnv ? SV_ESR_FnV : 0) | (page->ea ? SV_ESR_EA : 0) | (uint64_t)(page->set & 3) << 11;
	if (caches->page_walk && !external)
		esr |= SV_ESR_S1PTW;
	if (access->kind != SOFT_FETCH) {
		bool isv = access->insn && access->insn->row->flags & SV_ROW_ISV && !caches->page_walk &&
			   !external;
		/* An atomic that could not even have read is reported as a read. */
		bool write = access->atomic ? kind == SV_FAULT_PERMISSION && !caches->page_walk
					    : access->kind == SOFT_WRITE || access->maintenance;

		esr |= (isv ? instruction_syndrome(access->insn) : 0) | (write ? SV_ESR_WnR : 0) |
		       (access->maintenance ? SV_ESR_CM : 0);
	}
	cpu->abort = (struct soft_abort){
		.esr = esr,
		.far = page->fnv ? 0 : va,
		.ipa = caches->page_ipa,
		.hpfar_valid = external ? page->hpfar_valid && !page->fnv
					: kind != SV_FAULT_PERMISSION || caches->page_walk,
	};
	if (cpu->abort.hpfar_valid)
		cpu->abort.hpfar = caches->page_ipa >> 12 << 4;
	return soft_leave(cpu, SOFT_ABORT, SOFT_LEAVE);
}

static enum soft_regime regime_of(const struct soft_cpu *cpu, bool el0)
{
	return el0 ? SOFT_EL0 : cpu->pstate & SV_PSTATE_PAN ? SOFT_EL1_PAN : SOFT_EL1;
}

const struct soft_mapping *soft_map(struct soft_cpu *cpu, uint64_t va, const struct soft_access *access,
				    enum soft_step *step)
{
	struct soft_caches *caches = cpu->caches;
	uint64_t tag = (va & PAGE_MASK) | caches->epoch, sctlr = cpu->sysreg[SOFT_SCTLR_EL1];
	struct soft_mapping *mapping =
		&caches->mapping[regime_of(cpu, access->el0)][access->kind][va / PAGE_BYTES % SOFT_MAPPINGS];
	bool write = access->kind == SOFT_WRITE, fetch = access->kind == SOFT_FETCH;
	struct sv_access_kind kind = {
		.write = write, .fetch = fetch, .el0 = access->el0, .atomic = access->atomic};
	struct soft_lookup lookup = {.write = write, .fetch = fetch};
	struct sv_translation translation;
	struct soft_page page;
	enum sv_status status;

	if (mapping->tag == tag && !(access->misaligned && mapping->device))
		return mapping;
	status = soft_translate(cpu, va, kind, &translation);
	if (status == STAGE2) {
		*step = abort_to_el2(cpu, va, access, translation.level);
		return NULL;
	}
	if (status) {
		/* What src/mmu refuses (a granule that is not there) no walk can do: level 0. */
		uint64_t esr = translation.esr ? translation.esr : sv_stage1_fsc(SV_TRANSLATION, 0);

		*step = soft_take_abort(cpu, fetch, esr | (access->maintenance ? SV_ESR_CM | SV_ESR_WnR : 0),
					va);
		return NULL;
	}
	/* Before stage 2 has a say (DDI 0487, D8.5.2). */
	if (translation.device && access->misaligned) {
		*step = soft_take_abort(cpu, false, sv_stage1_fsc(SV_ALIGNMENT, 0) | (write ? SV_ESR_WnR : 0),
					va);
		return NULL;
	}
	if (!look_up(cpu, translation.ipa, lookup, &page)) {
		*step = abort_to_el2(cpu, va, access, translation.level);
		return NULL;
	}
	*mapping = (struct soft_mapping){
		.tag = tag,
		.host = page.host,
		.ipa = translation.ipa & PAGE_MASK,
		.device = translation.device,
		.strict = translation.device || sctlr & SV_SCTLR_A ? ~UINT64_C(0) : 0,
	};
	/* For the caller; the next one asks again. */
	if (page.once) {
		caches->once = *mapping;
		mapping->tag = 0;
		return &caches->once;
	}
	return mapping;
}

void soft_forget(struct soft_cpu *cpu)
{
	struct soft_caches *caches = cpu->caches;

	caches->fetch_tag = 0;
	caches->epoch += SOFT_EPOCH;
	if (caches->epoch == PAGE_BYTES) {
		caches->epoch = SOFT_EPOCH;
		memset(caches->mapping, 0, sizeof(caches->mapping));
	}
}

bool soft_cpu_translate(struct soft_cpu *cpu, const struct soft_bus *bus, uint64_t va, bool write, bool el0,
			uint64_t *ipa)
{
	const struct soft_bus *before = cpu->caches->bus;
	struct sv_translation translation;
	enum sv_status status;

	cpu->caches->bus = bus;
	status = soft_translate(cpu, va, (struct sv_access_kind){.write = write, .el0 = el0}, &translation);
	cpu->caches->bus = before;
	if (!status)
		*ipa = translation.ipa;
	return !status;
}

/* ATTR and SH as PAR_EL1 has them: of Device memory SH is outer shareable (DDI 0487, D24.2, PAR_EL1). */
enum soft_step soft_address_translate(struct soft_cpu *cpu, uint64_t va, bool write, bool el0, bool pan)
{
	struct soft_access access = {.kind = write ? SOFT_WRITE : SOFT_READ, .maintenance = true};
	struct sv_access_kind kind = {.write = write, .el0 = el0};
	uint64_t pstate = cpu->pstate, par = UINT64_C(1) << 11;
	struct sv_translation translation;
	enum sv_status status;

	if (!pan)
		cpu->pstate &= ~SV_PSTATE_PAN;
	status = soft_translate(cpu, va, kind, &translation);
	cpu->pstate = pstate;
	if (status == STAGE2)
		return abort_to_el2(cpu, va, &access, translation.level);
	if (status)
		par |= 1 | (translation.esr ? SV_FSC(translation.esr) : sv_stage1_fsc(SV_TRANSLATION, 0))
				   << 1;
	else
		par |= (translation.ipa & PAGE_MASK & ~(UINT64_C(0xf) << 52)) |
		       (uint64_t)translation.type.attr << 56 | (uint64_t)translation.type.shareability << 7;
	cpu->sysreg[SOFT_PAR_EL1] = par;
	return SOFT_NEXT;
}
