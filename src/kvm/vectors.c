/* SPDX-License-Identifier: BSD-2-Clause */
/* SIMD&FP and SVE registers: where KVM keeps them, and how long they are. */
#include <string.h>

#include <salvage/kvm.h>

#include "uapi.h"
#include "vcpu.h"

#define ZCR_EL1          SV_KVM_SYSREG(3, 0, 1, 2, 0)
#define ZCR_LEN(zcr)     ((zcr)&0xf)
#define ID_AA64PFR1_EL1  SV_KVM_SYSREG(3, 0, 0, 4, 1)
#define ID_PFR1_SME(pfr) ((pfr) >> 24 & 0xf)

/*
 * KVM knows the SIMD&FP registers as core registers, and as the low ends of the Z registers for a vCPU with
 * SVE, whose core ones it refuses (Documentation/virt/kvm/api.rst, KVM_SET_ONE_REG). Both lie in memory
 * with the least significant byte first; of a slice KVM takes as many bytes as the vector length has.
 */
static enum sv_status transfer_simd(struct sv_kvm_vcpu *vcpu, unsigned long request, unsigned n,
				    uint8_t slice[SV_KVM_SVE_ZREG_BYTES])
{
	if (n > 31)
		return SV_REGISTER;
	if (!vcpu->sve && sv_kvm_transfer(vcpu, request, SV_KVM_CORE_VREG(n), slice) == SV_OK)
		return SV_OK;
	if (sv_kvm_transfer(vcpu, request, SV_KVM_SVE_ZREG(n), slice) != SV_OK)
		return SV_REGISTER;
	vcpu->sve = true;
	return SV_OK;
}

enum sv_status sv_kvm_get_simd(struct sv_kvm_vcpu *vcpu, unsigned n, uint8_t value[16])
{
	uint8_t slice[SV_KVM_SVE_ZREG_BYTES] __attribute__((aligned(16)));
	enum sv_status status = transfer_simd(vcpu, SV_KVM_GET_ONE_REG, n, slice);

	if (status == SV_OK)
		memcpy(value, slice, 16);
	return status;
}

enum sv_status sv_kvm_set_simd(struct sv_kvm_vcpu *vcpu, unsigned n, const uint8_t value[16])
{
	uint8_t slice[SV_KVM_SVE_ZREG_BYTES] __attribute__((aligned(16))) = {0};

	memcpy(slice, value, 16);
	return transfer_simd(vcpu, SV_KVM_SET_ONE_REG, n, slice);
}

/*
 * Which vector lengths the vCPU has: bit n for 16 * (n + 1) bytes. A vCPU without SVE has none, and one with
 * SME is taken for it: whether it is in streaming mode, with vectors of another length, KVM tells nobody.
 */
static enum sv_status read_vector_lengths(struct sv_kvm_vcpu *vcpu)
{
	uint64_t lengths[8] = {0}, pfr1;

	if (vcpu->vector_lengths_known)
		return SV_OK;
	if (sv_kvm_transfer(vcpu, SV_KVM_GET_ONE_REG, ID_AA64PFR1_EL1, &pfr1))
		return SV_REGISTER;
	if (ID_PFR1_SME(pfr1) || sv_kvm_transfer(vcpu, SV_KVM_GET_ONE_REG, SV_KVM_SVE_VLS, lengths))
		lengths[0] = 0;
	vcpu->vector_lengths = lengths[0] & 0xffff;
	vcpu->vector_lengths_known = true;
	return SV_OK;
}

/* The longest that is there and that ZCR_EL1.LEN allows, at EL0 as at EL1 (DDI 0487, D24.2, ZCR_EL1). */
enum sv_status sv_kvm_vector_length(struct sv_kvm_vcpu *vcpu, unsigned *bytes)
{
	uint64_t zcr;

	if (read_vector_lengths(vcpu))
		return SV_REGISTER;
	if (!vcpu->vector_lengths)
		return SV_UNSUPPORTED;
	if (sv_kvm_transfer(vcpu, SV_KVM_GET_ONE_REG, ZCR_EL1, &zcr))
		return SV_REGISTER;
	for (unsigned n = ZCR_LEN(zcr) + 1; n; n--)
		if (vcpu->vector_lengths >> (n - 1) & 1) {
			*bytes = 16 * n;
			return SV_OK;
		}
	return SV_REGISTER; /* KVM has 16 bytes always */
}

/* KVM moves whole slices; what lies above the vCPU's longest vector it neither gives nor takes. */
static enum sv_status get_slice(struct sv_kvm_vcpu *vcpu, uint64_t id, unsigned bytes, uint8_t *value)
{
	uint8_t slice[SV_KVM_SVE_ZREG_BYTES] __attribute__((aligned(16)));

	if (sv_kvm_transfer(vcpu, SV_KVM_GET_ONE_REG, id, slice))
		return SV_REGISTER;
	memcpy(value, slice, bytes);
	return SV_OK;
}

static enum sv_status set_slice(struct sv_kvm_vcpu *vcpu, uint64_t id, unsigned bytes, const uint8_t *value)
{
	uint8_t slice[SV_KVM_SVE_ZREG_BYTES] __attribute__((aligned(16))) = {0};

	memcpy(slice, value, bytes);
	return sv_kvm_transfer(vcpu, SV_KVM_SET_ONE_REG, id, slice);
}

enum sv_status sv_kvm_get_vector(struct sv_kvm_vcpu *vcpu, unsigned n, unsigned bytes, uint8_t *value)
{
	if (n > 31 || bytes > SV_KVM_SVE_ZREG_BYTES)
		return SV_REGISTER;
	return get_slice(vcpu, SV_KVM_SVE_ZREG(n), bytes, value);
}

enum sv_status sv_kvm_set_vector(struct sv_kvm_vcpu *vcpu, unsigned n, unsigned bytes, const uint8_t *value)
{
	if (n > 31 || bytes > SV_KVM_SVE_ZREG_BYTES)
		return SV_REGISTER;
	return set_slice(vcpu, SV_KVM_SVE_ZREG(n), bytes, value);
}

enum sv_status sv_kvm_get_predicate(struct sv_kvm_vcpu *vcpu, unsigned n, unsigned bytes, uint8_t *value)
{
	if (n > 15 || bytes > SV_KVM_SVE_PREG_BYTES)
		return SV_REGISTER;
	return get_slice(vcpu, SV_KVM_SVE_PREG(n), bytes, value);
}

enum sv_status sv_kvm_set_predicate(struct sv_kvm_vcpu *vcpu, unsigned n, unsigned bytes,
				    const uint8_t *value)
{
	if (n > 15 || bytes > SV_KVM_SVE_PREG_BYTES)
		return SV_REGISTER;
	return set_slice(vcpu, SV_KVM_SVE_PREG(n), bytes, value);
}
