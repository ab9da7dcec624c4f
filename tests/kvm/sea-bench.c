/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/mman.h>
#include <sys/syscall.h>

#include "sea-bench.h"

struct bench bench;
siginfo_t to_send[8];
unsigned to_send_count;
atomic_uint handled;
atomic_int handled_code;

uint64_t *reg_of(struct kernel *kernel, uint64_t id)
{
	for (unsigned i = 0; i < kernel->reg_count; i++)
		if (kernel->regs[i].id == id)
			return &kernel->regs[i].value;
	assert_true(kernel->reg_count < COUNT(kernel->regs));
	kernel->regs[kernel->reg_count].id = id;
	return &kernel->regs[kernel->reg_count++].value;
}

int kernel_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	struct kernel *kernel = opaque;
	struct sv_kvm_one_reg *reg = argument;
	const struct sv_kvm_vcpu_events *events = argument;

	switch (request) {
	case SV_KVM_GET_ONE_REG:
		*(uint64_t *)(uintptr_t)reg->addr = *reg_of(kernel, reg->id);
		return 0;
	case SV_KVM_SET_ONE_REG:
		if (kernel->fails_set)
			return kernel->fails_set;
		kernel->sets++;
		*reg_of(kernel, reg->id) = *(uint64_t *)(uintptr_t)reg->addr;
		return 0;
	case SV_KVM_SET_VCPU_EVENTS:
		if (kernel->refuses_events)
			return kernel->refuses_events;
		kernel->dabts += events->exception.ext_dabt_pending;
		kernel->serrors += events->exception.serror_pending;
		assert_int_equal(events->exception.ext_iabt_pending, 0);
		return 0;
	case SV_KVM_RUN:
		if (kernel->in_run)
			kernel->in_run();
		return kernel->run_result;
	}
	fail_msg("unexpected request %lx", request);
	return -ENOTTY;
}

void write_ram(uint64_t gpa, unsigned size, uint64_t value)
{
	memcpy(bench.ram + (gpa - RAM_BASE), &value, size);
}

void setup(const char *rule)
{
	static char *ram;

	if (!ram)
		ram = mmap(NULL, RAM_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);
	memset(&bench, 0, sizeof(bench));
	memset(ram, 0, RAM_PAGES * PAGE);
	bench.ram = ram;
	bench.backend = (struct sv_kvm_backend){kernel_ioctl, &bench.kernel};
	*reg_of(&bench.kernel, PFR0) = UINT64_C(1) << 28;
	assert_int_equal(sv_kvm_vcpu_init(&bench.vcpu, &bench.backend, 33,
					  (struct kvm_run *)&bench.kernel.run, 0),
			 SV_OK);
	bench.vcpu.index = 5;
	sv_space_init(&bench.space, bench.regions, COUNT(bench.regions));
	sv_space_add(&bench.space, &(struct sv_region){.first = RAM_BASE,
						       .last = RAM_BASE + RAM_PAGES * PAGE - 1,
						       .kind = SV_REGION_RAM,
						       .name = "RAM",
						       .host = ram});
	sv_space_add(&bench.space, &(struct sv_region){.first = 0x1000,
						       .last = 0x1fff,
						       .kind = SV_REGION_RAM,
						       .name = "not mapped here"});
	bench.policy = (struct sv_policy){bench.rules, COUNT(bench.rules), 0};
	if (rule) {
		struct sv_rule_error why;
		struct sv_rule parsed;

		assert_int_equal(sv_rule_parse(rule, strlen(rule), &parsed, &why), SV_OK);
		assert_int_equal(sv_policy_add(&bench.policy, &parsed, NULL), SV_OK);
	}
	*reg_of(&bench.kernel, PC) = CODE;
	*reg_of(&bench.kernel, PSTATE) = EL1h;
	*reg_of(&bench.kernel, SCTLR) = 0x30d00800;
	*reg_of(&bench.kernel, VBAR) = VECTORS;
	*reg_of(&bench.kernel, X(0)) = DATA + 8;
	*reg_of(&bench.kernel, FAR) = 0xfafa;
	write_ram(CODE, 4, LDR);
}

void sea(uint64_t esr, uint64_t flags, uint64_t gva, uint64_t gpa)
{
	bench.kernel.run.exit_reason = SV_KVM_EXIT_ARM_SEA;
	bench.kernel.run.arm_sea.esr = esr;
	bench.kernel.run.arm_sea.flags = flags;
	bench.kernel.run.arm_sea.gva = gva;
	bench.kernel.run.arm_sea.gpa = gpa;
}

enum sv_verdict exit_once(int rc, const struct sv_ras_answer *answer)
{
	enum sv_verdict verdict;

	bench.kernel.run_result = rc;
	assert_int_equal(sv_kvm_run(&bench.vcpu), rc);
	assert_true(sv_kvm_error(&bench.vcpu, rc, &bench.space, &bench.error));
	assert_int_equal(bench.kernel.sets + bench.kernel.dabts + bench.kernel.serrors, 0);
	verdict = sv_kvm_answer(&bench.vcpu, &bench.policy, &bench.error, answer);
	assert_false(sv_kvm_error(&bench.vcpu, rc, &bench.space, &(struct sv_kvm_error){0}));
	return verdict;
}

enum road road_taken(void)
{
	assert_int_equal(bench.kernel.dabts + bench.kernel.serrors + (bench.kernel.sets != 0), 1);
	return bench.kernel.dabts ? KERNEL : bench.kernel.serrors ? SERROR : REGISTERS;
}

void is_record(const char *name, unsigned valid, uint64_t gva, uint64_t gpa)
{
	const struct sv_memory_error *record = &bench.error.record;

	check(name, record->valid == (valid | SV_RAS_PC));
	check(name, !(valid & GVA) || record->gva == gva);
	check(name, !(valid & GPA) || record->gpa == gpa);
	check(name, record->pc == CODE && record->vcpu == 5);
	check(name, bench.vcpu.session.report.no_ipa == !(valid & GPA));
}

void send_one(const siginfo_t *info)
{
	siginfo_t copy = *info;

	assert_int_equal(syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGBUS, &copy), 0);
}

void send_all(void)
{
	for (unsigned i = 0; i < to_send_count; i++)
		send_one(&to_send[i]);
}

siginfo_t bus(int code, void *address, int lsb)
{
	siginfo_t info = {.si_signo = SIGBUS, .si_code = code};

	info.si_addr = address;
	info.si_addr_lsb = (short)lsb;
	return info;
}

static void on_bus(int number, siginfo_t *info, void *context)
{
	handled++;
	handled_code = info->si_code;
}

void watch(void)
{
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	struct sv_memory_error record;

	handled = 0;
	sigaction(SIGBUS, &action, NULL);
	assert_int_equal(sv_kvm_watch(), SV_OK);
	while (sv_kvm_warning(NULL, &record))
		;
}

void *host_of(uint64_t gpa)
{
	return bench.ram + (gpa - RAM_BASE);
}
