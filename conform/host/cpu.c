/* SPDX-License-Identifier: BSD-2-Clause */
/* The channel, PSCI (DEN 0022), registers from outside, and what the kernel says it can do. */
#include <inttypes.h>

#include "../case.h"

static void channel(struct conform *conform)
{
	char address[CONFORM_ADDRESS];

	conform_start(conform);
	conform->parameter[PARAMETER_VALUE] = 0x55;
	conform_until(conform, CONFORM_SYNC);
	conform_line(conform, "sync %" PRIu64 ", by %s", conform->sync,
		     conform_address(conform, conform->regions[REGION_CHANNEL].first, address));
	conform_drive(conform);
}

/* System events leave a VM that can be looked at. */
static void event(struct conform *conform)
{
	conform_start(conform);
	conform_drive(conform);
}

static int one_reg(struct conform *conform, unsigned long request, uint64_t id, uint64_t *value)
{
	struct sv_kvm_one_reg reg = {.id = id, .addr = (uintptr_t)value};

	return conform_vcpu_ioctl(conform, request, &reg);
}

static void registers(struct conform *conform)
{
	const uint64_t pstate = SV_KVM_CORE(SV_KVM_CORE_PSTATE);
	uint64_t value = 0x1122334455667788;

	conform_start(conform);
	conform_line(conform, "pstate 0x%" PRIx64, conform_get(conform, pstate));
	conform_set(conform, SV_KVM_CORE(8 * 5), value);
	conform_line(conform, "x5 0x%" PRIx64, conform_get(conform, SV_KVM_CORE(8 * 5)));
	value = 0x3c7;
	conform_result(conform, "pstate of no mode", one_reg(conform, SV_KVM_SET_ONE_REG, pstate, &value));
	value = 0x3c9;
	conform_result(conform, "pstate of EL2", one_reg(conform, SV_KVM_SET_ONE_REG, pstate, &value));
	conform_line(conform, "pstate 0x%" PRIx64, conform_get(conform, pstate));
	conform_result(conform, "core register between two",
		       one_reg(conform, SV_KVM_GET_ONE_REG, SV_KVM_CORE(4), &value));
	conform_result(conform, "no such system register",
		       one_reg(conform, SV_KVM_GET_ONE_REG, SV_KVM_SYSREG(2, 7, 15, 15, 7), &value));
	conform_result(conform, "register of another architecture",
		       one_reg(conform, SV_KVM_GET_ONE_REG, UINT64_C(0x2030000000000000), &value));
	conform_drive(conform);
}

static void no_init(struct conform *conform)
{
	int rc;

	conform_open(conform);
	conform_create_vm(conform);
	conform->vcpu = vmm_ioctl_number(conform->kernel, conform->vm, SV_KVM_CREATE_VCPU, 0);
	rc = vmm_ioctl_number(conform->kernel, conform->vcpu, SV_KVM_RUN, 0);
	conform_result(conform, "KVM_RUN", rc);
}

/* Numbers of arm64's UAPI. What is there, or not, is in the result file with all other capabilities. */
static void capabilities(struct conform *conform)
{
	static const struct {
		unsigned number;
		const char *name;
	} certain[] = {
		{SV_KVM_CAP_READONLY_MEM, "KVM_CAP_READONLY_MEM"},
		{SV_KVM_CAP_ARM_PSCI_0_2, "KVM_CAP_ARM_PSCI_0_2"},
		{SV_KVM_CAP_ARM_NISV_TO_USER, "KVM_CAP_ARM_NISV_TO_USER"},
		{SV_KVM_CAP_ARM_INJECT_EXT_DABT, "KVM_CAP_ARM_INJECT_EXT_DABT"},
		{SV_KVM_CAP_ARM_SEA_TO_USER, "KVM_CAP_ARM_SEA_TO_USER"},
		{0xffff, "no capability"},
	};
	struct sv_kvm_enable_cap flags = {.cap = SV_KVM_CAP_ARM_NISV_TO_USER, .flags = 1};

	conform_open(conform);
	conform_result(conform, "KVM_GET_API_VERSION",
		       vmm_ioctl_number(conform->kernel, conform->kvm, SV_KVM_GET_API_VERSION, 0));
	conform_create_vm(conform);
	for (size_t i = 0; i < sizeof(certain) / sizeof(*certain); i++)
		conform_result(conform, certain[i].name, conform_check(conform, certain[i].number));
	conform_result(conform, "enabled with flags", conform_vm_ioctl(conform, SV_KVM_ENABLE_CAP, &flags));
	conform_result(conform, "enabled", conform_enable(conform, SV_KVM_CAP_ARM_NISV_TO_USER));
	conform_result(conform, "enabled again", conform_enable(conform, SV_KVM_CAP_ARM_NISV_TO_USER));
	conform_result(conform, "ext_dabt enabled", conform_enable(conform, SV_KVM_CAP_ARM_INJECT_EXT_DABT));
	conform_result(conform, "none enabled", conform_enable(conform, 0xffff));
}

static const struct conform_case rows[] = {
	{.name = "channel",
	 .host = channel,
	 .summary = "guest and host understand each other",
	 .expected = "no value\n"
		     "0xfe 42 text hole+0x8 alias:rom 0x123\n"
		     "sync 7, by channel\n"
		     "value 0x55\n"
		     "done\n"},
	{.name = "undefined",
	 .summary = "an undefined instruction is the guest's own",
	 .expected = "taken: sync from el1h: esr 0x2000000 elr insn spsr 0x3c5\n"
		     "over\n"
		     "done\n"},
	{.name = "psci_answers",
	 .summary = "PSCI by HVC",
	 .expected = "version major 1\n"
		     "features of SYSTEM_RESET 0x0\n"
		     "features of nothing 0xffffffffffffffff\n"
		     "no such function 0xffffffffffffffff\n"
		     "CPU_ON of no CPU 0xfffffffffffffffe\n"
		     "CPU_ON of this CPU 0xfffffffffffffffc\n"
		     "AFFINITY_INFO of this CPU 0x0\n"
		     "done\n"},
	{.name = "psci_off",
	 .host = event,
	 .summary = "SYSTEM_OFF is a system event",
	 .expected = "system event: shutdown, flags 0x0\n"},
	{.name = "psci_reset",
	 .host = event,
	 .summary = "SYSTEM_RESET is a system event",
	 .expected = "system event: reset, flags 0x0\n"},
	{.name = "psci_reset2",
	 .host = event,
	 .summary = "SYSTEM_RESET2 is told from it",
	 .expected = "system event: reset, flags 0x1\n"},
	{.name = "registers",
	 .guest = "nothing",
	 .host = registers,
	 .summary = "registers that can be set, and that cannot",
	 .expected = "pstate 0x3c5\n"
		     "x5 0x1122334455667788\n"
		     "pstate of no mode: EINVAL\n"
		     "pstate of EL2: EINVAL\n"
		     "pstate 0x3c5\n"
		     "core register between two: EINVAL\n"
		     "no such system register: ENOENT\n"
		     "register of another architecture: EINVAL\n"
		     "done\n"},
	{.name = "run_without_init",
	 .host = no_init,

	 .summary = "KVM_RUN of a vCPU that was not initialised",
	 .expected = "KVM_RUN: ENOEXEC\n"},
	{.name = "capabilities",
	 .host = capabilities,

	 .summary = "capabilities and how they are turned on",
	 .expected = "KVM_GET_API_VERSION: 12\n"
		     "KVM_CAP_READONLY_MEM: 1\n"
		     "KVM_CAP_ARM_PSCI_0_2: 1\n"
		     "KVM_CAP_ARM_NISV_TO_USER: 1\n"
		     "KVM_CAP_ARM_INJECT_EXT_DABT: 1\n"
		     "[sea=there] KVM_CAP_ARM_SEA_TO_USER: 1\n"
		     "[sea=missing] KVM_CAP_ARM_SEA_TO_USER: 0\n"
		     "no capability: 0\n"
		     "enabled with flags: EINVAL\n"
		     "enabled: 0\n"
		     "enabled again: 0\n"
		     "ext_dabt enabled: EINVAL\n"
		     "none enabled: EINVAL\n"},
};

const struct conform_group conform_cpu = CONFORM_GROUP(rows);
