/* SPDX-License-Identifier: BSD-2-Clause */
/* System registers, PSTATE, hints, TLB and address translation instructions. */
#include "model.h"

/* op0:op1:CRn:CRm:op2 of a word, as MRS and MSR have it. */
#define ENCODING(op0, op1, CRn, CRm, op2) ((op0) << 14 | (op1) << 11 | (CRn) << 7 | (CRm) << 3 | (op2))

const struct soft_reg_info soft_regs[SOFT_REG_COUNT] = {
#define X(name, op0, op1, CRn, CRm, op2, access, writable, reset) \
	{#name, ENCODING(op0, op1, CRn, CRm, op2), SOFT_##access, writable, reset},
	SOFT_REGS(X)
#undef X
};

static uint16_t encoding_of(uint32_t word)
{
	return (uint16_t)(word >> 5);
}

/* In soft_regs, or NULL. */
static const struct soft_reg_info *find(uint16_t encoding)
{
	size_t low = 0, high = SOFT_REG_COUNT;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (soft_regs[middle].encoding == encoding)
			return &soft_regs[middle];
		if (soft_regs[middle].encoding < encoding)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Registers that are a part of PSTATE, where SPSR_EL1 has it too. */
static const struct view {
	uint16_t encoding;
	uint64_t bits;
	bool el0, fixed;
	uint32_t control; /* of SCTLR_EL1, without which EL0 is trapped */
} views[] = {
	{ENCODING(3, 0, 4, 2, 0), SV_PSTATE_SP, false, false, 0},       /* SPSel */
	{ENCODING(3, 0, 4, 2, 2), UINT64_C(3) << 2, false, true, 0},    /* CurrentEL */
	{ENCODING(3, 0, 4, 2, 3), SV_PSTATE_PAN, false, false, 0},      /* PAN */
	{ENCODING(3, 0, 4, 2, 4), SV_PSTATE_UAO, false, false, 0},      /* UAO */
	{ENCODING(3, 3, 4, 2, 0), PSTATE_NZCV, true, false, 0},         /* NZCV */
	{ENCODING(3, 3, 4, 2, 1), PSTATE_DAIF, true, false, SCTLR_UMA}, /* DAIF */
};

#define SP_EL0 ENCODING(3, 0, 4, 1, 0)

static const struct view *find_view(uint16_t encoding)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
		if (views[i].encoding == encoding)
			return &views[i];
	return NULL;
}

/* The ID registers that have no name yet read as zero (DDI 0487, D24.1). */
static bool is_id_space(uint16_t encoding)
{
	return encoding >= ENCODING(3, 0, 0, 1, 0) && encoding <= ENCODING(3, 0, 0, 7, 7);
}

/* EC 0x18: an MSR, MRS or system instruction that EL1 does not let EL0 have. */
enum soft_step soft_take_system(struct soft_cpu *cpu, uint32_t word)
{
	uint32_t op0 = word >> 19 & 3, op1 = word >> 16 & 7, CRn = word >> 12 & 15, CRm = word >> 8 & 15;
	uint32_t op2 = word >> 5 & 7, Rt = word & 31, direction = word >> 21 & 1;

	return soft_take(cpu, EC_SYSTEM,
			 op0 << 20 | op2 << 17 | op1 << 14 | CRn << 10 | Rt << 5 | CRm << 1 | direction);
}

bool soft_simd_enabled(struct soft_cpu *cpu)
{
	unsigned fpen = cpu->sysreg[SOFT_CPACR_EL1] >> 20 & 3;

	if (fpen == 3 || (fpen == 1 && soft_el(cpu)))
		return true;
	soft_take(cpu, EC_SIMD, 0x1e00000); /* CV, COND 0b1110 */
	return false;
}

/* SCTLR_EL1's control of EL0's access to a register. */
static uint32_t control_of(enum soft_reg reg)
{
	return reg == SOFT_CTR_EL0 ? SCTLR_UCT : 0;
}

static bool enabled(const struct soft_cpu *cpu, uint32_t control)
{
	return soft_el(cpu) || !control || cpu->sysreg[SOFT_SCTLR_EL1] & control;
}

static bool is_simd_register(enum soft_reg reg)
{
	return reg == SOFT_FPCR || reg == SOFT_FPSR;
}

static uint64_t read_register(const struct soft_cpu *cpu, enum soft_reg reg)
{
	if (reg == SOFT_ISR_EL1)
		return cpu->serror_pending ? PSTATE_A : 0;
	return cpu->sysreg[reg];
}

enum soft_step soft_mrs(struct soft_cpu *cpu, uint32_t word)
{
	uint16_t encoding = encoding_of(word);
	const struct soft_reg_info *info = find(encoding);
	const struct view *view = find_view(encoding);
	enum soft_reg reg = info ? (enum soft_reg)(info - soft_regs) : SOFT_REG_COUNT;
	unsigned el = soft_el(cpu);
	uint64_t value;

	if (info) {
		if (!(info->access & (el ? SOFT_R : 4)))
			return SOFT_UNDEFINED;
		if (!enabled(cpu, control_of(reg)))
			return soft_take_system(cpu, word);
		if (is_simd_register(reg) && !soft_simd_enabled(cpu))
			return SOFT_TAKEN;
		value = read_register(cpu, reg);
	} else if (view) {
		if (!el && !view->el0)
			return SOFT_UNDEFINED;
		if (!enabled(cpu, view->control))
			return soft_take_system(cpu, word);
		value = cpu->pstate & view->bits;
	} else if (encoding == SP_EL0 && el && cpu->pstate & SV_PSTATE_SP) {
		value = cpu->sp[0];
	} else if (el && is_id_space(encoding)) {
		value = 0;
	} else {
		return SOFT_UNDEFINED;
	}
	put_X(cpu, word & 31, value);
	return SOFT_NEXT;
}

/* Registers whose new value makes what was translated, or what is looked at, a thing of the past. */
static void written(struct soft_cpu *cpu, enum soft_reg reg)
{
	switch (reg) {
	case SOFT_SCTLR_EL1:
	case SOFT_TCR_EL1:
	case SOFT_TTBR0_EL1:
	case SOFT_TTBR1_EL1:
	case SOFT_MAIR_EL1:
		soft_forget(cpu);
		soft_state_changed(cpu);
		break;
	case SOFT_OSLAR_EL1:
		cpu->sysreg[SOFT_OSLSR_EL1] = soft_regs[SOFT_OSLSR_EL1].reset | (cpu->sysreg[reg] & 1) << 1;
		soft_state_changed(cpu);
		break;
	case SOFT_MDSCR_EL1:
		soft_state_changed(cpu);
		break;
	default:
		break;
	}
}

static void write_register(struct soft_cpu *cpu, enum soft_reg reg, uint64_t value)
{
	const struct soft_reg_info *info = &soft_regs[reg];

	cpu->sysreg[reg] = (value & info->writable) | (info->reset & ~info->writable);
	written(cpu, reg);
}

enum soft_step soft_msr(struct soft_cpu *cpu, uint32_t word, uint64_t value)
{
	uint16_t encoding = encoding_of(word);
	const struct soft_reg_info *info = find(encoding);
	const struct view *view = find_view(encoding);
	enum soft_reg reg = info ? (enum soft_reg)(info - soft_regs) : SOFT_REG_COUNT;
	unsigned el = soft_el(cpu);

	if (info) {
		if (!(info->access & (el ? SOFT_W : 8)))
			return SOFT_UNDEFINED;
		if (is_simd_register(reg) && !soft_simd_enabled(cpu))
			return SOFT_TAKEN;
		write_register(cpu, reg, value);
	} else if (view) {
		if ((!el && !view->el0) || view->fixed)
			return SOFT_UNDEFINED;
		if (!enabled(cpu, view->control))
			return soft_take_system(cpu, word);
		cpu->pstate = (cpu->pstate & ~view->bits) | (value & view->bits);
		soft_state_changed(cpu);
	} else if (encoding == SP_EL0 && el && cpu->pstate & SV_PSTATE_SP) {
		cpu->sp[0] = value;
	} else {
		return SOFT_UNDEFINED;
	}
	return SOFT_NEXT;
}

static void convert_flags(struct soft_cpu *cpu, unsigned op2)
{
	bool z = cpu->pstate >> 30 & 1, c = cpu->pstate >> 29 & 1, v = cpu->pstate >> 28 & 1, n = false;

	if (op2 == 1) { /* XAFLAG */
		n = !c && !z;
		v = !c && z;
		c |= z;
		z &= cpu->pstate >> 29 & 1;
	} else { /* AXFLAG */
		z |= v;
		c &= !v;
		v = false;
	}
	cpu->pstate = (cpu->pstate & ~PSTATE_NZCV) | (uint64_t)n << 31 | (uint64_t)z << 30 |
		      (uint64_t)c << 29 | (uint64_t)v << 28;
}

enum soft_step soft_msr_immediate(struct soft_cpu *cpu, uint32_t word)
{
	unsigned field = word >> 13 & 0x38, op2 = word >> 5 & 7, imm = word >> 8 & 15;
	uint64_t bits, on = imm & 1 ? ~UINT64_C(0) : 0;

	switch (field | op2) {
	case 0: /* CFINV */
		cpu->pstate ^= SV_PSTATE_C;
		return SOFT_NEXT;
	case 1:
	case 2:
		convert_flags(cpu, op2);
		return SOFT_NEXT;
	case 3:
		bits = SV_PSTATE_UAO;
		break;
	case 4:
		bits = SV_PSTATE_PAN;
		break;
	case 5:
		bits = SV_PSTATE_SP;
		break;
	case 0x1e: /* DAIFSet */
	case 0x1f: /* DAIFClr */
		if (!enabled(cpu, SCTLR_UMA))
			return soft_take_system(cpu, word);
		bits = (uint64_t)imm << 6;
		on = op2 == 6 ? bits : 0;
		cpu->pstate = (cpu->pstate & ~bits) | on;
		soft_state_changed(cpu);
		return SOFT_NEXT;
	default:
		return SOFT_UNDEFINED;
	}
	if (!soft_el(cpu))
		return SOFT_UNDEFINED;
	cpu->pstate = (cpu->pstate & ~bits) | (on & bits);
	soft_state_changed(cpu);
	return SOFT_NEXT;
}

#define HINT_WFE 2
#define HINT_WFI 3
#define HINT_ESB 16

/* A masked SError that waits is taken down in DISR_EL1 instead (DDI 0487, RAS: ESB with a virtual SError). */
static void error_barrier(struct soft_cpu *cpu)
{
	if (!cpu->serror_pending || !(cpu->pstate & PSTATE_A))
		return;
	cpu->sysreg[SOFT_DISR_EL1] = UINT64_C(1) << 31 | (cpu->serror_iss & 0x1ffffff);
	cpu->serror_pending = false;
	soft_state_changed(cpu);
}

enum soft_step soft_hint(struct soft_cpu *cpu, uint32_t word)
{
	unsigned hint = word >> 5 & 0x7f;
	uint32_t control = hint == HINT_WFE ? SCTLR_nTWE : SCTLR_nTWI;

	switch (hint) {
	case HINT_WFE:
	case HINT_WFI:
		if (!enabled(cpu, control))
			return soft_take(cpu, EC_WFX, 0x1e00000 | (hint == HINT_WFE)); /* CV, COND, TI */
		return soft_leave(cpu, hint == HINT_WFE ? SOFT_WFE : SOFT_WFI, SOFT_LEAVE_NEXT);
	case HINT_ESB:
		error_barrier(cpu);
		return SOFT_NEXT;
	default:
		return SOFT_NEXT;
	}
}

/* System instructions by op1:CRn:CRm:op2. All are EL1's. */
#define SYS(op1, CRn, CRm, op2) ENCODING(0, op1, CRn, CRm, op2)

enum sys {
	SYS_NOTHING, /* caches, of which there are none */
	SYS_TLBI,
	SYS_TLBI_IS,
	SYS_AT,
};

static const struct {
	uint16_t encoding;
	uint8_t what; /* enum sys */
} instructions[] = {
	{SYS(0, 7, 1, 0), SYS_NOTHING},  /* IC IALLUIS */
	{SYS(0, 7, 5, 0), SYS_NOTHING},  /* IC IALLU */
	{SYS(0, 7, 6, 2), SYS_NOTHING},  /* DC ISW */
	{SYS(0, 7, 10, 2), SYS_NOTHING}, /* DC CSW */
	{SYS(0, 7, 14, 2), SYS_NOTHING}, /* DC CISW */
	{SYS(0, 7, 8, 0), SYS_AT},       /* AT S1E1R */
	{SYS(0, 7, 8, 1), SYS_AT},       /* AT S1E1W */
	{SYS(0, 7, 8, 2), SYS_AT},       /* AT S1E0R */
	{SYS(0, 7, 8, 3), SYS_AT},       /* AT S1E0W */
	{SYS(0, 7, 9, 0), SYS_AT},       /* AT S1E1RP */
	{SYS(0, 7, 9, 1), SYS_AT},       /* AT S1E1WP */
	{SYS(0, 8, 3, 0), SYS_TLBI_IS},  /* TLBI VMALLE1IS */
	{SYS(0, 8, 3, 1), SYS_TLBI_IS},  /* TLBI VAE1IS */
	{SYS(0, 8, 3, 2), SYS_TLBI_IS},  /* TLBI ASIDE1IS */
	{SYS(0, 8, 3, 3), SYS_TLBI_IS},  /* TLBI VAAE1IS */
	{SYS(0, 8, 3, 5), SYS_TLBI_IS},  /* TLBI VALE1IS */
	{SYS(0, 8, 3, 7), SYS_TLBI_IS},  /* TLBI VAALE1IS */
	{SYS(0, 8, 7, 0), SYS_TLBI},     /* TLBI VMALLE1 */
	{SYS(0, 8, 7, 1), SYS_TLBI},     /* TLBI VAE1 */
	{SYS(0, 8, 7, 2), SYS_TLBI},     /* TLBI ASIDE1 */
	{SYS(0, 8, 7, 3), SYS_TLBI},     /* TLBI VAAE1 */
	{SYS(0, 8, 7, 5), SYS_TLBI},     /* TLBI VALE1 */
	{SYS(0, 8, 7, 7), SYS_TLBI},     /* TLBI VAALE1 */
};

enum soft_step soft_sys(struct soft_cpu *cpu, uint32_t word, uint64_t value)
{
	uint16_t encoding = encoding_of(word) & 0x3fff;
	size_t count = sizeof(instructions) / sizeof(*instructions), i = 0;
	unsigned op2 = word >> 5 & 7;

	while (i < count && instructions[i].encoding != encoding)
		i++;
	if (i == count || !soft_el(cpu))
		return SOFT_UNDEFINED;
	switch ((enum sys)instructions[i].what) {
	case SYS_NOTHING:
		break;
	case SYS_TLBI_IS:
		/* This CPU will see it before its next instruction, as all others will. */
		atomic_fetch_add(cpu->caches->bus->generation, 1);
		break;
	case SYS_TLBI:
		soft_forget(cpu);
		break;
	case SYS_AT:
		return soft_address_translate(cpu, value, op2 & 1, op2 & 2, (word >> 8 & 15) == 9);
	}
	return SOFT_NEXT;
}

bool soft_cpu_get(const struct soft_cpu *cpu, uint16_t encoding, uint64_t *value)
{
	const struct soft_reg_info *info = find(encoding);

	if (!info)
		return false;
	*value = read_register(cpu, (enum soft_reg)(info - soft_regs));
	return true;
}

bool soft_cpu_set(struct soft_cpu *cpu, uint16_t encoding, uint64_t value)
{
	const struct soft_reg_info *info = find(encoding);

	if (!info)
		return false;
	if (info->access & 16)
		return value == info->reset;
	write_register(cpu, (enum soft_reg)(info - soft_regs), value);
	return true;
}
