/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/except.h>
#include <salvage/kvm.h>

#include "uapi.h"
#include "vcpu.h"

/* Register ids other than X0..X30, which follow one another. */
static const uint64_t ids[SV_REG_COUNT] = {
	[SV_SP_EL0] = SV_KVM_CORE(SV_KVM_CORE_SP_EL0),
	[SV_SP_EL1] = SV_KVM_CORE(SV_KVM_CORE_SP_EL1),
	[SV_PC] = SV_KVM_CORE(SV_KVM_CORE_PC),
	[SV_PSTATE] = SV_KVM_CORE(SV_KVM_CORE_PSTATE),
	[SV_SCTLR_EL1] = SV_KVM_SYSREG(3, 0, 1, 0, 0),
	[SV_TCR_EL1] = SV_KVM_SYSREG(3, 0, 2, 0, 2),
	[SV_TTBR0_EL1] = SV_KVM_SYSREG(3, 0, 2, 0, 0),
	[SV_TTBR1_EL1] = SV_KVM_SYSREG(3, 0, 2, 0, 1),
	[SV_MAIR_EL1] = SV_KVM_SYSREG(3, 0, 10, 2, 0),
	[SV_TCR2_EL1] = SV_KVM_SYSREG(3, 0, 2, 0, 3),
	[SV_PIR_EL1] = SV_KVM_SYSREG(3, 0, 10, 2, 3),
	[SV_PIRE0_EL1] = SV_KVM_SYSREG(3, 0, 10, 2, 2),
	[SV_POR_EL0] = SV_KVM_SYSREG(3, 3, 10, 2, 4),
	[SV_POR_EL1] = SV_KVM_SYSREG(3, 0, 10, 2, 4),
	[SV_VBAR_EL1] = SV_KVM_SYSREG(3, 0, 12, 0, 0),
	[SV_ESR_EL1] = SV_KVM_SYSREG(3, 0, 5, 2, 0),
	[SV_FAR_EL1] = SV_KVM_SYSREG(3, 0, 6, 0, 0),
	[SV_ELR_EL1] = SV_KVM_CORE(SV_KVM_CORE_ELR_EL1),
	[SV_SPSR_EL1] = SV_KVM_CORE(SV_KVM_CORE_SPSR_EL1),
};

enum sv_status sv_kvm_transfer(struct sv_kvm_vcpu *vcpu, unsigned long request, uint64_t id, void *value)
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

	/*
	 * A kernel that knows it knows better than the host's CPU, which need not be what the guest runs on.
	 */
	if (reg == SV_DCZID_EL0)
		return sv_kvm_transfer(vcpu, SV_KVM_GET_ONE_REG, SV_KVM_SYSREG(3, 3, 0, 0, 7), value)
			       ? sv_host_dczid(value)
			       : SV_OK;
	return id ? sv_kvm_transfer(vcpu, SV_KVM_GET_ONE_REG, id, value) : SV_REGISTER;
}

enum sv_status sv_kvm_set(struct sv_kvm_vcpu *vcpu, enum sv_reg reg, uint64_t value)
{
	uint64_t id = id_of(reg);

	return id ? sv_kvm_transfer(vcpu, SV_KVM_SET_ONE_REG, id, &value) : SV_REGISTER;
}

enum sv_status sv_kvm_read_features(struct sv_kvm_vcpu *vcpu)
{
	struct sv_mmu_id id;
	const struct {
		uint64_t id, *value;
	} registers[] = {
		{SV_KVM_SYSREG(3, 0, 0, 7, 0), &id.aa64mmfr0}, {SV_KVM_SYSREG(3, 0, 0, 7, 1), &id.aa64mmfr1},
		{SV_KVM_SYSREG(3, 0, 0, 7, 2), &id.aa64mmfr2}, {SV_KVM_SYSREG(3, 0, 0, 7, 3), &id.aa64mmfr3},
		{SV_KVM_SYSREG(3, 0, 0, 4, 1), &id.aa64pfr1},  {SV_KVM_SYSREG(3, 0, 0, 6, 1), &id.aa64isar1},
		{SV_KVM_SYSREG(3, 0, 0, 6, 2), &id.aa64isar2},
	};

	for (size_t i = 0; i < sizeof(registers) / sizeof(*registers); i++)
		if (sv_kvm_transfer(vcpu, SV_KVM_GET_ONE_REG, registers[i].id, registers[i].value))
			return SV_REGISTER;
	vcpu->cpu.mmu_features = sv_mmu_features(&id);
	return SV_OK;
}

enum sv_status sv_kvm_except_features(struct sv_kvm_vcpu *vcpu, unsigned *features)
{
	/* A field that is not zero says that the feature is there (DDI 0487, D24.2). */
	static const struct {
		uint64_t id;
		unsigned shift, feature;
	} fields[] = {
		{SV_KVM_SYSREG(3, 0, 0, 7, 1), 20, SV_EXCEPT_PAN},  /* ID_AA64MMFR1_EL1.PAN */
		{SV_KVM_SYSREG(3, 0, 0, 4, 1), 4, SV_EXCEPT_SSBS},  /* ID_AA64PFR1_EL1.SSBS */
		{SV_KVM_SYSREG(3, 0, 0, 4, 1), 8, SV_EXCEPT_MTE},   /* ID_AA64PFR1_EL1.MTE */
		{SV_KVM_SYSREG(3, 0, 0, 4, 1), 36, SV_EXCEPT_NMI},  /* ID_AA64PFR1_EL1.NMI */
		{SV_KVM_SYSREG(3, 0, 0, 4, 1), 44, SV_EXCEPT_GCS},  /* ID_AA64PFR1_EL1.GCS */
		{SV_KVM_SYSREG(3, 0, 0, 4, 1), 56, SV_EXCEPT_DF2},  /* ID_AA64PFR1_EL1.DF2 */
		{SV_KVM_SYSREG(3, 0, 0, 4, 0), 28, SV_EXCEPT_RAS},  /* ID_AA64PFR0_EL1.RAS */
		{SV_KVM_SYSREG(3, 0, 0, 5, 1), 48, SV_EXCEPT_EBEP}, /* ID_AA64DFR1_EL1.EBEP */
	};
	unsigned found = 0;

	for (size_t i = 0; !vcpu->except_features_known && i < sizeof(fields) / sizeof(*fields); i++) {
		uint64_t value;

		if (sv_kvm_transfer(vcpu, SV_KVM_GET_ONE_REG, fields[i].id, &value))
			return SV_REGISTER;
		if (value >> fields[i].shift & 0xf)
			found |= fields[i].feature;
	}
	if (!vcpu->except_features_known)
		vcpu->except_features = found;
	vcpu->except_features_known = true;
	*features = vcpu->except_features;
	return SV_OK;
}
