/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/check.h"
#include "machine.h"

struct machine_value machine_u64(uint64_t value)
{
	struct machine_value wide = {{0}};

	for (unsigned i = 0; i < sizeof(value); i++)
		wide.bytes[i] = (uint8_t)(value >> 8 * i);
	return wide;
}

static enum sv_status read_reg(struct machine *machine, enum sv_reg reg, void *value, size_t size)
{
	if (reg == machine->broken)
		return SV_REGISTER;
	machine->read[reg] = true;
	memcpy(value, machine->regs[reg].bytes, size);
	return SV_OK;
}

static enum sv_status write_reg(struct machine *machine, enum sv_reg reg, struct machine_value value)
{
	assert_true(machine->writes < COUNT(machine->written));
	if (reg == machine->broken)
		return SV_REGISTER;
	machine->written[machine->writes].reg = reg;
	machine->written[machine->writes++].value = value;
	machine->regs[reg] = value;
	return SV_OK;
}

static enum sv_status get(void *vcpu, enum sv_reg reg, uint64_t *value)
{
	uint8_t bytes[8];
	enum sv_status status;

	assert_true(reg < SV_REG_COUNT);
	status = read_reg(vcpu, reg, bytes, sizeof(bytes));
	if (status != SV_OK)
		return status;
	*value = 0;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		*value |= (uint64_t)bytes[i] << 8 * i;
	return SV_OK;
}

static enum sv_status set(void *vcpu, enum sv_reg reg, uint64_t value)
{
	assert_true(reg < SV_REG_COUNT);
	return write_reg(vcpu, reg, machine_u64(value));
}

static struct machine_value wide(const uint8_t *bytes, unsigned size)
{
	struct machine_value value = {{0}};

	memcpy(value.bytes, bytes, size);
	return value;
}

static enum sv_status get_simd(void *vcpu, unsigned n, uint8_t value[16])
{
	assert_true(n < 32);
	return read_reg(vcpu, MACHINE_V(n), value, 16);
}

static enum sv_status set_simd(void *vcpu, unsigned n, const uint8_t value[16])
{
	assert_true(n < 32);
	return write_reg(vcpu, MACHINE_V(n), wide(value, 16));
}

static enum sv_status vector_length(void *vcpu, unsigned *bytes)
{
	struct machine *machine = vcpu;

	if (machine->broken == MACHINE_VECTOR)
		return SV_REGISTER;
	machine->read[MACHINE_VECTOR] = true;
	*bytes = machine->vector;
	return machine->vector ? SV_OK : SV_UNSUPPORTED;
}

static enum sv_status get_vector(void *vcpu, unsigned n, unsigned bytes, uint8_t *value)
{
	assert_true(n < 32 && bytes == ((struct machine *)vcpu)->vector);
	return read_reg(vcpu, MACHINE_V(n), value, bytes);
}

static enum sv_status set_vector(void *vcpu, unsigned n, unsigned bytes, const uint8_t *value)
{
	assert_true(n < 32 && bytes == ((struct machine *)vcpu)->vector);
	return write_reg(vcpu, MACHINE_V(n), wide(value, bytes));
}

static enum sv_status get_predicate(void *vcpu, unsigned n, unsigned bytes, uint8_t *value)
{
	assert_true(n < 16 && bytes == ((struct machine *)vcpu)->vector / 8);
	return read_reg(vcpu, MACHINE_P(n), value, bytes);
}

static enum sv_status set_predicate(void *vcpu, unsigned n, unsigned bytes, const uint8_t *value)
{
	assert_true(n < 16 && bytes == ((struct machine *)vcpu)->vector / 8);
	return write_reg(vcpu, MACHINE_P(n), wide(value, bytes));
}

const struct sv_regs_ops machine_ops = {
	get, set, get_simd, set_simd, vector_length, get_vector, set_vector, get_predicate, set_predicate,
};
