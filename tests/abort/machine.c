/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine.h"

static const struct sv_region platform[] = {
	{.first = RECORDER,
	 .last = RECORDER + 0xffff,
	 .kind = SV_REGION_WINDOW,
	 .name = "recorder",
	 .sizes = SV_SIZES_ANY,
	 .atomics = true},
	{.first = REGISTER_FILE,
	 .last = REGISTER_FILE + 0xfff,
	 .kind = SV_REGION_WINDOW,
	 .name = "register file",
	 .sizes = 4,
	 .aligned = true},
	{.first = DISTRIBUTOR, .last = DISTRIBUTOR + 0xffff, .kind = SV_REGION_KERNEL, .name = "distributor"},
};

void setup(struct machine *machine, const char *rule)
{
	static const uint8_t pattern[] = {0x80, 0x91, 0xa2, 0xb3, 0xc4, 0xd5, 0xe6, 0xf7};

	memset(machine, 0, sizeof(*machine));
	memory_vcpu_init(&machine->vcpu, machine->ram);
	for (size_t i = 0; i < sizeof(machine->recorder); i++)
		machine->recorder[i] = pattern[i % 8] ^ (uint8_t)(i / 8 % 16);
	sv_space_init(&machine->space, machine->regions, COUNT(machine->regions));
	for (size_t i = 0; i < COUNT(platform); i++)
		assert_int_equal(sv_space_add(&machine->space, &platform[i]), SV_OK);
	sv_space_add(&machine->space, &(struct sv_region){.first = RAM_BASE,
							  .last = RAM_BASE + RAM_SIZE - 1,
							  .kind = SV_REGION_RAM,
							  .name = "ram",
							  .host = machine->ram});
	sv_space_add(&machine->space, &(struct sv_region){.first = FLASH,
							  .last = FLASH + 0xfff,
							  .kind = SV_REGION_ROM,
							  .name = "flash",
							  .host = machine->flash});
	/* A window that begins where memory ends. */
	sv_space_add(&machine->space, &(struct sv_region){.first = RAM_BASE + RAM_SIZE,
							  .last = RAM_BASE + RAM_SIZE + 0xfff,
							  .kind = SV_REGION_WINDOW,
							  .name = "edge",
							  .sizes = SV_SIZES_ANY});
	machine->policy = (struct sv_policy){.rules = machine->rules, .capacity = COUNT(machine->rules)};
	while (rule && *rule) {
		size_t length = strcspn(rule, " ");
		struct sv_rule_error error;
		struct sv_rule parsed;

		assert_int_equal(sv_rule_parse(rule, length, &parsed, &error), SV_OK);
		assert_int_equal(sv_policy_add(&machine->policy, &parsed, NULL), SV_OK);
		rule += length + strspn(rule + length, " ");
	}
	machine->vcpu.regs[SV_X0 + 1] = X1;
	machine->vcpu.regs[SV_X0 + 2] = X2;
}

#define FLAT_TABLE (RAM_BASE + 0x3fe0) /* four entries for 32 bits of address */

void map_flat(struct machine *machine)
{
	uint64_t *regs = machine->vcpu.regs;

	/* Blocks of 1 GiB: access flag set, MAIR attribute 0. */
	memory_write(&machine->vcpu, FLAT_TABLE, 8, 0x401);
	memory_write(&machine->vcpu, FLAT_TABLE + 8, 8, RAM_BASE | 0x401);
	regs[SV_TTBR0_EL1] = FLAT_TABLE;
	regs[SV_TCR_EL1] = 32 | UINT64_C(5) << 32;
	regs[SV_MAIR_EL1] = 0xff;
	regs[SV_SCTLR_EL1] |= SV_SCTLR_M;
}

static void log_access(struct machine *machine, const struct sv_access *access)
{
	uint64_t value = 0;

	if (access->op) {
		snprintf(machine->log + strlen(machine->log), sizeof(machine->log) - strlen(machine->log),
			 "%s%s%u@%llx", *machine->log ? " " : "", sv_op_name(access->op), access->size,
			 (unsigned long long)access->ipa);
		return;
	}
	memcpy(&value, access->data, access->size < 8 ? access->size : 8);
	snprintf(machine->log + strlen(machine->log), sizeof(machine->log) - strlen(machine->log),
		 "%s%c%u@%llx", *machine->log ? " " : "", access->write ? 'w' : 'r', access->size,
		 (unsigned long long)access->ipa);
	if (access->write)
		snprintf(machine->log + strlen(machine->log), sizeof(machine->log) - strlen(machine->log),
			 "=%llx", (unsigned long long)value);
}

enum sv_verdict run(struct machine *machine, struct sv_session *session, uint64_t iss, uint64_t ipa)
{
	struct sv_abort abort = {iss, ipa, false};

	return run_abort(machine, session, &abort);
}

enum sv_verdict run_abort(struct machine *machine, struct sv_session *session, const struct sv_abort *abort)
{
	enum sv_verdict verdict;
	unsigned steps = 0;

	sv_session_begin(session, &machine->vcpu.cpu, &machine->space, &machine->policy, abort);
	while ((verdict = sv_session_next(session)) == SV_VERDICT_ACCESS) {
		struct sv_access *access = &session->access;

		assert_true(steps++ < 2 * SV_PLAN_BYTES);
		log_access(machine, access);
		for (unsigned i = 0; access->size == 64 && !access->write && i < 64; i++)
			access->data[i] = (uint8_t)i;
		access->response = 0x5a;
		if (machine->refuse && access->ipa == machine->refuse) {
			sv_session_refuse(session);
		} else if (access->region && access->region->first == RECORDER) {
			uint8_t *at = machine->recorder + (access->ipa - RECORDER);

			if (access->op) {
				memcpy(access->data, at, access->size);
				sv_atomic(access->op, access->size, access->big_endian, access->operand,
					  access->compare, access->data, at);
			} else if (access->write)
				memcpy(at, access->data, access->size);
			else
				memcpy(access->data, at, access->size);
		}
	}
	/* Over means over. */
	assert_int_equal(sv_session_next(session), verdict);
	return verdict;
}
