/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/check.h"
#include "machine.h"

static enum sv_status get(void *vcpu, enum sv_reg reg, uint64_t *value)
{
	struct machine *machine = vcpu;

	assert_true(reg < SV_REG_COUNT);
	if (reg == machine->broken)
		return SV_REGISTER;
	machine->read[reg] = true;
	*value = machine->regs[reg];
	return SV_OK;
}

static enum sv_status set(void *vcpu, enum sv_reg reg, uint64_t value)
{
	struct machine *machine = vcpu;

	assert_true(reg < SV_REG_COUNT && machine->writes < COUNT(machine->written));
	if (reg == machine->broken)
		return SV_REGISTER;
	machine->written[machine->writes].reg = reg;
	machine->written[machine->writes++].value = value;
	machine->regs[reg] = value;
	return SV_OK;
}

const struct sv_regs_ops machine_ops = {get, set};
