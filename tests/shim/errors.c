/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory errors of a wrapped VMM's guest. */
#include <errno.h>
#include <signal.h>

#include "vmm.h"
#include "words.h"

#ifndef BUS_MCEERR_AR
#define BUS_MCEERR_AR 4
#define BUS_MCEERR_AO 5
#endif

#define CODE_OF(...) ((const uint32_t[]){__VA_ARGS__, 0})

#define BAD (RAM + 0x20000)

static struct vmm vmm;

static void open_bad(enum sv_soft_error error, unsigned times, const char *const *policy)
{
	/* ldr w2, [x0] */
	vmm_open(&vmm, CODE_OF(LDR_W2), 0, policy, NULL);
	vmm_set(&vmm, X(0), BAD + 8);
	assert_int_equal(sv_soft_poison(vmm.soft, 0x50000000 + 1,
					&(struct sv_soft_poison){.gpa = BAD, .error = error, .times = times}),
			 0);
}

/* KVM_RUN until it is something else than a signal's end. */
static int run_on(void)
{
	int rc;

	do
		rc = vmm_run(&vmm);
	while (rc == -EINTR);
	return rc;
}

static void expect_answered(enum sv_ras_source source)
{
	const struct shim_message *message;

	assert_int_equal(run_on(), 0);
	assert_int_equal(vmm.run->exit_reason, SV_KVM_EXIT_SYSTEM_EVENT);
	assert_int_equal(vmm_get(&vmm, PC) & ~UINT64_C(0x7ff), VECTORS);
	assert_int_equal(vmm_get(&vmm, ESR), ABORT(0x10));
	assert_int_equal(vmm_get(&vmm, FAR), BAD + 8);
	message = vmm_told(&vmm, SHIM_ERROR);
	assert_non_null(message);
	assert_int_equal(message->error.source, source);
	assert_int_equal(message->error.gpa & ~UINT64_C(0xfff), BAD);
	assert_int_equal(message->answer.distinct, 1);
	assert_int_equal(message->vcpu, 0);
}

static void sea(void **state)
{
	open_bad(SV_SOFT_SEA, 1, NULL);
	expect_answered(SV_RAS_SEA_DATA);
	vmm_close(&vmm);
}

static void claimed(void **state)
{
	open_bad(SV_SOFT_CLAIMED, 1, NULL);
	expect_answered(SV_RAS_SIGBUS_AR);
	vmm_close(&vmm);
}

static void memory_fault(void **state)
{
	open_bad(SV_SOFT_MEMORY_FAULT, 0, NULL);
	expect_answered(SV_RAS_MEMORY_FAULT);
	vmm_close(&vmm);
}

/* The VMM's own exit: on record, and left to it. */
static void own_sea(void **state)
{
	open_bad(SV_SOFT_SEA, 1, NULL);
	assert_int_equal(vmm_enable(&vmm, SV_KVM_CAP_ARM_SEA_TO_USER), 0);
	assert_int_equal(vmm_run(&vmm), 0);
	assert_int_equal(vmm.run->exit_reason, SV_KVM_EXIT_ARM_SEA);
	assert_int_equal(vmm_get(&vmm, PC), CODE);
	assert_int_equal(vmm_told(&vmm, SHIM_ERROR)->error.source, SV_RAS_SEA_DATA);
	vmm_close(&vmm);
}

static void thresholds(void **state)
{
	static const struct {
		const char *rule;
		uint32_t event;
	} cases[] = {
		{"sea:1=restart", SV_KVM_SYSTEM_EVENT_RESET},
		{"sea=stop", SV_KVM_SYSTEM_EVENT_CRASH},
		{"sea:2=restart", SV_KVM_SYSTEM_EVENT_SHUTDOWN}, /* not yet: the guest ends by itself */
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		open_bad(SV_SOFT_SEA, 1, (const char *[]){cases[i].rule, NULL});
		check(cases[i].rule, !vmm_run(&vmm) && vmm.run->exit_reason == SV_KVM_EXIT_SYSTEM_EVENT);
		check(cases[i].rule, vmm.run->system_event.type == cases[i].event);
		vmm_close(&vmm);
	}
}

/* What comes again and again is answered each time, and on record once. */
static void again(void **state)
{
	open_bad(SV_SOFT_SEA, 0, NULL);
	for (unsigned i = 0; i < 3; i++) {
		/* After its power-off it has to begin anew. */
		vmm_init_vcpu(&vmm, vmm.vcpu);
		vmm_set(&vmm, PC, CODE);
		vmm_set(&vmm, VBAR, VECTORS);
		vmm_set(&vmm, X(0), BAD + 8);
		assert_int_equal(vmm_run(&vmm), 0);
		assert_int_equal(vmm_get(&vmm, ESR), ABORT(0x10));
	}
	assert_int_equal(vmm_told(&vmm, SHIM_ERROR)->answer.distinct, 1);
	assert_int_equal(vmm_told(&vmm, SHIM_ERROR)->answer.count, 3);
	vmm_close(&vmm);
}

static volatile sig_atomic_t passed_on;

static void vmm_handler(int number, siginfo_t *info, void *context)
{
	passed_on = info->si_code;
}

/* The VMM's own handler of SIGBUS gets what is not a vCPU's. */
static void own_handler(void **state)
{
	struct sigaction action = {.sa_sigaction = vmm_handler, .sa_flags = SA_SIGINFO}, old;

	open_bad(SV_SOFT_HWPOISON, 0, NULL);
	sv_kvm_chain(&action, &old);
	passed_on = 0;
	expect_answered(SV_RAS_SIGBUS_AR);
	assert_int_equal(passed_on, 0);
	raise(SIGBUS);
	assert_int_equal(passed_on, SI_TKILL);
	sv_kvm_chain(&old, &action);
	assert_true(action.sa_sigaction == vmm_handler);
	vmm_close(&vmm);
}

static volatile sig_atomic_t blocked_user, blocked_bus;

static void look_at_mask(int number)
{
	sigset_t mask;

	passed_on++;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	blocked_user = sigismember(&mask, SIGUSR1);
	blocked_bus = sigismember(&mask, SIGBUS);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MASKS_ARE_SANITIZED true
#endif
#endif
#ifndef MASKS_ARE_SANITIZED
#define MASKS_ARE_SANITIZED false
#endif

/* What sigaction(2) says of a handler is so behind ours too. */
static void handlers_as_told(void **state)
{
	static const struct {
		const char *name;
		int flags;
		bool masks, blocks_user, blocks_bus, stays;
	} cases[] = {
		{"plain", 0, false, false, true, true},
		{"a mask", 0, true, true, true, true},
		{"SA_NODEFER", SA_NODEFER, false, false, false, true},
		{"SA_RESETHAND", SA_RESETHAND, false, false, true, false},
		{"all", SA_RESETHAND | SA_NODEFER, true, true, false, false},
	};
	struct sigaction before, now;

	/* ThreadSanitizer calls handlers with a mask of its own. */
	if (MASKS_ARE_SANITIZED)
		skip();
	assert_int_equal(sv_kvm_watch(), SV_OK);
	sv_kvm_chain(NULL, &before);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sigaction action = {.sa_handler = look_at_mask, .sa_flags = cases[i].flags};

		if (cases[i].masks)
			sigaddset(&action.sa_mask, SIGUSR1);
		sv_kvm_chain(&action, NULL);
		passed_on = 0;
		raise(SIGBUS);
		check(cases[i].name, passed_on == 1);
		check(cases[i].name, blocked_user == cases[i].blocks_user);
		check(cases[i].name, blocked_bus == cases[i].blocks_bus);
		sv_kvm_chain(NULL, &now);
		check(cases[i].name, now.sa_handler == (cases[i].stays ? look_at_mask : SIG_DFL));
		/* And the mask is what it was. */
		look_at_mask(SIGBUS);
		check(cases[i].name, !blocked_user && !blocked_bus);
	}
	sv_kvm_chain(&before, NULL);
}

static void warn(void *address)
{
	siginfo_t info = {.si_code = BUS_MCEERR_AO, .si_addr = address};
	bool shared;

	assert_true(sv_kvm_note(&info, &shared));
}

/* The host warns of a page that nobody has touched: on record before the next entry. */
static void warnings(void **state)
{
	const struct shim_message *message;
	unsigned before = sv_kvm_warned();

	vmm_open(&vmm, CODE_OF(NOP), 0, NULL, NULL);
	warn(vmm.ram + (BAD - RAM));
	assert_int_equal(sv_kvm_warned(), before + 1);
	vmm_expect_off(&vmm);
	message = vmm_told(&vmm, SHIM_ERROR);
	assert_int_equal(message->error.source, SV_RAS_SIGBUS_AO);
	assert_int_equal(message->error.gpa, BAD);
	assert_int_equal(message->vcpu, -1);
	vmm_close(&vmm);
}

/* Of memory that is no guest's: looked at once, and not before each entry from then on. */
static void warnings_of_others(void **state)
{
	static char elsewhere[64];
	struct shim_vm *vm;

	vmm_open(&vmm, CODE_OF(STR_W1_POST4), 0, NULL, NULL);
	vm = shim_vcpu_of(vmm.vcpu)->vm;
	vmm_expect_write(&vmm, DEVICE, 4, 0);
	warn(elsewhere);
	assert_int_not_equal(atomic_load(&vm->warned), sv_kvm_warned());
	vmm_expect_off(&vmm);
	assert_int_equal(atomic_load(&vm->warned), sv_kvm_warned());
	assert_null(vmm_told(&vmm, SHIM_ERROR));
	vmm_close(&vmm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sea),          cmocka_unit_test(claimed),
		cmocka_unit_test(memory_fault), cmocka_unit_test(own_sea),
		cmocka_unit_test(thresholds),   cmocka_unit_test(again),
		cmocka_unit_test(own_handler),  cmocka_unit_test(handlers_as_told),
		cmocka_unit_test(warnings),     cmocka_unit_test(warnings_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
