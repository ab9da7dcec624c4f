/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "memory-vcpu.h"

static enum sv_status get(void *opaque, enum sv_reg reg, uint64_t *value)
{
	struct memory_vcpu *vcpu = opaque;

	vcpu->gets++;
	vcpu->got[reg]++;
	if (reg == vcpu->broken_reg)
		return SV_REGISTER;
	*value = vcpu->regs[reg];
	return SV_OK;
}

static enum sv_status set(void *opaque, enum sv_reg reg, uint64_t value)
{
	struct memory_vcpu *vcpu = opaque;

	vcpu->sets++;
	if (reg == vcpu->broken_reg)
		return SV_REGISTER;
	vcpu->regs[reg] = value;
	return SV_OK;
}

static enum sv_status get_simd(void *opaque, unsigned n, uint8_t value[16])
{
	struct memory_vcpu *vcpu = opaque;

	vcpu->gets++;
	memcpy(value, vcpu->z[n], 16);
	return SV_OK;
}

static enum sv_status set_simd(void *opaque, unsigned n, const uint8_t value[16])
{
	struct memory_vcpu *vcpu = opaque;

	vcpu->sets++;
	memset(vcpu->z[n], 0, sizeof(vcpu->z[n]));
	memcpy(vcpu->z[n], value, 16);
	return SV_OK;
}

static enum sv_status vector_length(void *opaque, unsigned *bytes)
{
	struct memory_vcpu *vcpu = opaque;

	vcpu->gets++;
	*bytes = vcpu->vector;
	return vcpu->vector ? SV_OK : SV_UNSUPPORTED;
}

static enum sv_status get_vector(void *opaque, unsigned n, unsigned bytes, uint8_t *value)
{
	struct memory_vcpu *vcpu = opaque;

	vcpu->gets++;
	memcpy(value, vcpu->z[n], bytes);
	return SV_OK;
}

static enum sv_status set_vector(void *opaque, unsigned n, unsigned bytes, const uint8_t *value)
{
	struct memory_vcpu *vcpu = opaque;

	vcpu->sets++;
	memset(vcpu->z[n], 0, sizeof(vcpu->z[n]));
	memcpy(vcpu->z[n], value, bytes);
	return SV_OK;
}

static enum sv_status get_predicate(void *opaque, unsigned n, unsigned bytes, uint8_t *value)
{
	struct memory_vcpu *vcpu = opaque;

	vcpu->gets++;
	memcpy(value, vcpu->p[n], bytes);
	return SV_OK;
}

static enum sv_status set_predicate(void *opaque, unsigned n, unsigned bytes, const uint8_t *value)
{
	struct memory_vcpu *vcpu = opaque;

	vcpu->sets++;
	memset(vcpu->p[n], 0, sizeof(vcpu->p[n]));
	memcpy(vcpu->p[n], value, bytes);
	return SV_OK;
}

static bool bad(const struct memory_vcpu *vcpu, uint64_t ipa)
{
	return vcpu->poisoned && ipa >> 12 == vcpu->poisoned >> 12;
}

static enum sv_status load(void *opaque, const struct sv_region *region, uint64_t ipa, unsigned size,
			   void *data)
{
	struct memory_vcpu *vcpu = opaque;

	vcpu->loads++;
	if (bad(vcpu, ipa))
		return SV_FAULT;
	memcpy(data, (const char *)region->host + (ipa - region->first), size);
	return SV_OK;
}

static enum sv_status store(void *opaque, const struct sv_region *region, uint64_t ipa, unsigned size,
			    const void *data)
{
	struct memory_vcpu *vcpu = opaque;

	vcpu->stores++;
	if (bad(vcpu, ipa))
		return SV_FAULT;
	memcpy((char *)region->host + (ipa - region->first), data, size);
	return SV_OK;
}

static enum sv_status inject(void *opaque, const struct sv_injection *injection)
{
	struct memory_vcpu *vcpu = opaque;

	if (vcpu->cannot_inject)
		return SV_UNSUPPORTED;
	vcpu->injections++;
	vcpu->injection = *injection;
	return SV_OK;
}

static const struct sv_cpu_ops cpu_ops = {
	{get, set, get_simd, set_simd, vector_length, get_vector, set_vector, get_predicate, set_predicate},
	load,
	store,
	inject,
};

void memory_vcpu_init(struct memory_vcpu *vcpu, uint8_t *ram)
{
	*vcpu = (struct memory_vcpu){
		.cpu = {.ops = &cpu_ops, .vcpu = vcpu},
		.broken_reg = SV_REG_COUNT,
		.ram = ram,
	};
	vcpu->regs[SV_PC] = RAM_BASE;
	vcpu->regs[SV_PSTATE] = 0x3c5;         /* EL1h, DAIF masked */
	vcpu->regs[SV_SCTLR_EL1] = 0x30d00800; /* its reset value: MMU off, little-endian */
	vcpu->regs[SV_DCZID_EL0] = 4;          /* blocks of 64 bytes */
}

void memory_write(struct memory_vcpu *vcpu, uint64_t ipa, unsigned size, uint64_t value)
{
	for (unsigned i = 0; i < size; i++)
		vcpu->ram[ipa - RAM_BASE + i] = (uint8_t)(value >> 8 * i);
}

uint64_t memory_read(const struct memory_vcpu *vcpu, uint64_t ipa, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)vcpu->ram[ipa - RAM_BASE + i] << 8 * i;
	return value;
}
