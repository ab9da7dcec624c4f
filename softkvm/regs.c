/* SPDX-License-Identifier: BSD-2-Clause */
/* KVM_GET_ONE_REG, KVM_SET_ONE_REG, KVM_GET_REG_LIST (arch/arm64/kvm/guest.c, sys_regs.c). */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "soft.h"

#define CORE_MASK   UINT64_C(0xffff)
#define SIZE_OF(id) (1u << ((id) >> 52 & 15))
#define MODE_MASK   UINT64_C(0x1f)
#define MODE_EL0t   0
#define MODE_EL1t   4
#define MODE_EL1h   5

static bool is_core(uint64_t id)
{
	return (id & ~(SV_KVM_REG_SIZE_MASK | CORE_MASK)) == (SV_KVM_REG_ARM64 | SV_KVM_REG_ARM_CORE);
}

static bool is_sysreg(uint64_t id)
{
	return (id & ~CORE_MASK) == (SV_KVM_REG_ARM64 | SV_KVM_REG_SIZE_U64 | SV_KVM_REG_ARM64_SYSREG);
}

/* Core registers by their offsets in struct kvm_regs, the end exclusive, and where the model has them. */
static const struct {
	uint16_t first, end, size;
	size_t at;
} parts[] = {
	{0, SV_KVM_CORE_SP_EL0, 8, offsetof(struct soft_cpu, x)},
	{SV_KVM_CORE_PC, SV_KVM_CORE_PSTATE, 8, offsetof(struct soft_cpu, pc)},
	{SV_KVM_CORE_PSTATE, SV_KVM_CORE_SP_EL1, 8, offsetof(struct soft_cpu, pstate)},
	{SV_KVM_CORE_SP_EL0, SV_KVM_CORE_PC, 8, offsetof(struct soft_cpu, sp[0])},
	{SV_KVM_CORE_SP_EL1, SV_KVM_CORE_ELR_EL1, 8, offsetof(struct soft_cpu, sp[1])},
	{SV_KVM_CORE_ELR_EL1, SV_KVM_CORE_SPSR_EL1, 8, offsetof(struct soft_cpu, sysreg[SOFT_ELR_EL1])},
	{SV_KVM_CORE_SPSR_EL1, SV_KVM_CORE_SPSR_EL1 + 8, 8, offsetof(struct soft_cpu, sysreg[SOFT_SPSR_EL1])},
	{SV_KVM_CORE_VREGS, SV_KVM_CORE_FPSR, 16, offsetof(struct soft_cpu, v)},
	{SV_KVM_CORE_FPSR, SV_KVM_CORE_FPCR, 4, offsetof(struct soft_cpu, sysreg[SOFT_FPSR])},
	{SV_KVM_CORE_FPCR, SV_KVM_CORE_FPCR + 4, 4, offsetof(struct soft_cpu, sysreg[SOFT_FPCR])},
};

/* NULL with -EINVAL for another size, or -ENOENT. */
static void *core_register(struct soft_cpu *cpu, uint64_t id, int *error)
{
	unsigned offset = (unsigned)(id & CORE_MASK) * 4;

	*error = -ENOENT;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (offset >= parts[i].first && offset < parts[i].end) {
			*error = -EINVAL;
			if (SIZE_OF(id) != parts[i].size || (offset - parts[i].first) % parts[i].size)
				return NULL;
			return (uint8_t *)cpu + parts[i].at + (offset - parts[i].first);
		}
	return NULL;
}

/* The SPSRs of AArch32 state: KVM has them always, the model has no such state, so they read as zero. */
static bool is_aarch32_spsr(uint64_t id)
{
	unsigned offset = (unsigned)(id & CORE_MASK) * 4;

	return offset >= SV_KVM_CORE_SPSR_EL1 + 8 && offset < SV_KVM_CORE_SPSR_END && offset % 8 == 0 &&
	       SIZE_OF(id) == 8;
}

static bool is_good_pstate(uint64_t pstate)
{
	uint64_t mode = pstate & MODE_MASK;

	return mode == MODE_EL0t || mode == MODE_EL1t || mode == MODE_EL1h;
}

static int transfer_core(struct soft_vcpu *vcpu, const struct sv_kvm_one_reg *reg, bool set)
{
	int error;
	void *at = core_register(vcpu->cpu, reg->id, &error), *user = (void *)(uintptr_t)reg->addr;

	if (!at && is_aarch32_spsr(reg->id)) {
		memset(user, 0, set ? 0 : 8);
		return 0;
	}
	if (!at)
		return error;
	if (set && at == &vcpu->cpu->pstate && !is_good_pstate(*(const uint64_t *)user))
		return -EINVAL;
	if (SIZE_OF(reg->id) == 8) /* nearly all */
		memcpy(set ? at : user, set ? user : at, 8);
	else
		memcpy(set ? at : user, set ? user : at, SIZE_OF(reg->id));
	return 0;
}

/*
 * A system register that userspace reaches by this name. KVM has ELR_EL1, SPSR_EL1, FPSR and FPCR as core
 * registers only, and what can be written only has no value.
 */
static bool is_listed(unsigned index)
{
	return index != SOFT_ELR_EL1 && index != SOFT_SPSR_EL1 && index != SOFT_FPSR && index != SOFT_FPCR &&
	       soft_regs[index].access & SOFT_R;
}

static int find_sysreg(uint64_t id)
{
	switch (id & CORE_MASK) {
#define X(name, op0, op1, CRn, CRm, op2, access, writable, reset)         \
	case (op0) << 14 | (op1) << 11 | (CRn) << 7 | (CRm) << 3 | (op2): \
		return is_listed(SOFT_##name) ? SOFT_##name : -ENOENT;
		SOFT_REGS(X)
#undef X
	default:
		return -ENOENT;
	}
}

static int transfer_sysreg(struct soft_vcpu *vcpu, const struct sv_kvm_one_reg *reg, bool set)
{
	uint64_t *user = (uint64_t *)(uintptr_t)reg->addr, value;
	int index = find_sysreg(reg->id);

	if (index < 0)
		return index;
	if (set) {
		memcpy(&value, user, sizeof(value));
		return soft_cpu_set(vcpu->cpu, (uint16_t)(reg->id & CORE_MASK), value) ? 0 : -EINVAL;
	}
	/* What the guest can write is state; the rest may be made when it is read. */
	value = vcpu->cpu->sysreg[index];
	if (!(soft_regs[index].access & SOFT_W) &&
	    !soft_cpu_get(vcpu->cpu, (uint16_t)(reg->id & CORE_MASK), &value))
		return -ENOENT;
	memcpy(user, &value, sizeof(value));
	return 0;
}

static int transfer(struct soft_object *object, const struct sv_kvm_one_reg *reg, bool set)
{
	struct soft_vcpu *vcpu = (struct soft_vcpu *)object;

	if (!vcpu->initialised)
		return -ENOEXEC;
	/* Of another architecture. */
	if (reg->id >> 56 != SV_KVM_REG_ARM64 >> 56)
		return -EINVAL;
	if (is_core(reg->id))
		return transfer_core(vcpu, reg, set);
	return is_sysreg(reg->id) ? transfer_sysreg(vcpu, reg, set) : -ENOENT;
}

int soft_get_one_reg(struct soft_object *object, void *argument)
{
	return transfer(object, argument, false);
}

int soft_set_one_reg(struct soft_object *object, void *argument)
{
	return transfer(object, argument, true);
}

/* All ids, if ids is not NULL; how many there are. */
static uint64_t list(uint64_t *ids)
{
	uint64_t n = 0;

#define PUT(id) (ids ? (void)(ids[n] = (id)) : (void)0, (void)n++)
	for (unsigned offset = 0; offset < SV_KVM_CORE_SPSR_END; offset += 8)
		PUT(SV_KVM_CORE(offset));
	for (unsigned i = 0; i < 32; i++)
		PUT(SV_KVM_CORE_VREG(i));
	for (unsigned offset = SV_KVM_CORE_FPSR; offset <= SV_KVM_CORE_FPCR; offset += 4)
		PUT(SV_KVM_REG_ARM64 | SV_KVM_REG_SIZE_U32 | SV_KVM_REG_ARM_CORE | offset / 4);
	for (unsigned i = 0; i < SOFT_REG_COUNT; i++)
		if (is_listed(i))
			PUT(SV_KVM_REG_ARM64 | SV_KVM_REG_SIZE_U64 | SV_KVM_REG_ARM64_SYSREG |
			    soft_regs[i].encoding);
#undef PUT
	return n;
}

int soft_get_reg_list(struct soft_object *object, void *argument)
{
	struct sv_kvm_reg_list *wanted = argument;
	uint64_t room = wanted->n;

	if (!((struct soft_vcpu *)object)->initialised)
		return -ENOEXEC;
	wanted->n = list(NULL);
	if (room < wanted->n)
		return -E2BIG;
	list((uint64_t *)(wanted + 1));
	return 0;
}
