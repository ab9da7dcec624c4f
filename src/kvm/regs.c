/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/kvm.h>

#include "uapi.h"
#include "vcpu.h"

/* Register ids other than X0..X30, which follow one another. */
static const uint64_t ids[SV_REG_COUNT] = {
	[SV_SP_EL0] = SV_KVM_CORE(SV_KVM_CORE_SP_EL0), [SV_SP_EL1] = SV_KVM_CORE(SV_KVM_CORE_SP_EL1),
	[SV_PC] = SV_KVM_CORE(SV_KVM_CORE_PC),         [SV_PSTATE] = SV_KVM_CORE(SV_KVM_CORE_PSTATE),
	[SV_SCTLR_EL1] = SV_KVM_SYSREG(3, 0, 1, 0, 0), [SV_TCR_EL1] = SV_KVM_SYSREG(3, 0, 2, 0, 2),
	[SV_TTBR0_EL1] = SV_KVM_SYSREG(3, 0, 2, 0, 0), [SV_TTBR1_EL1] = SV_KVM_SYSREG(3, 0, 2, 0, 1),
	[SV_MAIR_EL1] = SV_KVM_SYSREG(3, 0, 10, 2, 0), [SV_TCR2_EL1] = SV_KVM_SYSREG(3, 0, 2, 0, 3),
};

/* ID_AA64MMFR3_EL1: S1PIE, S1POE, AIE and D128, each of which TCR2_EL1 turns on (DDI 0487, D24.2). */
#define ID_AA64MMFR3_EL1  SV_KVM_SYSREG(3, 0, 0, 7, 3)
#define ID_AA64MMFR3_TCR2 UINT64_C(0xf0f0f0f00)

static enum sv_status transfer(struct sv_kvm_vcpu *vcpu, unsigned long request, uint64_t id, uint64_t *value)
{
	struct sv_kvm_one_reg reg = {.id = id, .addr = (uintptr_t)value};

	return vcpu->backend->ioctl(vcpu->backend->opaque, vcpu->fd, request, &reg) ? SV_REGISTER : SV_OK;
}

static uint64_t id_of(enum sv_reg reg)
{
	if (reg <= SV_X30)
		return SV_KVM_CORE((unsigned)reg * 8);
	return reg < SV_REG_COUNT ? ids[reg] : 0;
}

enum sv_status sv_kvm_get(struct sv_kvm_vcpu *vcpu, enum sv_reg reg, uint64_t *value)
{
	uint64_t id = id_of(reg);

	return id ? transfer(vcpu, SV_KVM_GET_ONE_REG, id, value) : SV_REGISTER;
}

enum sv_status sv_kvm_set(struct sv_kvm_vcpu *vcpu, enum sv_reg reg, uint64_t value)
{
	uint64_t id = id_of(reg);

	return id ? transfer(vcpu, SV_KVM_SET_ONE_REG, id, &value) : SV_REGISTER;
}

enum sv_status sv_kvm_read_features(struct sv_kvm_vcpu *vcpu)
{
	uint64_t mmfr3;

	if (transfer(vcpu, SV_KVM_GET_ONE_REG, ID_AA64MMFR3_EL1, &mmfr3))
		return SV_REGISTER;
	vcpu->cpu.mmu_features = mmfr3 & ID_AA64MMFR3_TCR2 ? SV_MMU_S1PIE : 0;
	return SV_OK;
}
