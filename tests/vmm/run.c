/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMM on a kernel that plays scripts: what it makes of every exit, how it ends, and that it leaves
 * nothing behind.
 */
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>

#include "run-bench.h"

FILL(read_recorder, RECORDER + 4, 4, false, ~UINT64_C(0))
FILL(exit_200, EXIT_REGISTER, 4, true, 200)
FILL(uart_unmask, UART + 0x38, 4, true, 0x70)
FILL(uart_write, UART, 4, true, 'A')
FILL(uart_acknowledge, UART + 0x44, 4, true, 0x20)
FILL(uart_read, UART, 4, false, 0)

static void is_recorded(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	assert_memory_equal(run->mmio.data, "\0\x88\x77\x66", 4);
}

static void device_accesses(void **state)
{
	static const struct fake_run script[] = {MMIO(write_recorder), MMIO(read_recorder),
						 MMIO_CHECK(exit_7, is_recorded), BLOCK};

	assert_int_equal(run_script(script, true), 7);
	assert_string_equal(run_error.text, "");
	assert_int_equal(kernel.injections, 0);
	assert_int_equal(kernel.nisv_enabled, 1);
	assert_non_null(strstr(
		events, "\"dir\":\"w\",\"ipa\":\"0xa000005\",\"size\":8,\"value\":\"0x1122334455667788\""));
	assert_non_null(
		strstr(events, "\"dir\":\"r\",\"ipa\":\"0xa000004\",\"size\":4,\"value\":\"0x66778800\""));
	assert_non_null(
		strstr(events, "\"event\":\"exit\",\"status\":7,\"reason\":\"guest\",\"dropped\":0}\n"));

	/* The same without an event for each access. */
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	kernel.script[0] = script;
	c.no_mmio_events = true;
	assert_int_equal(run(&backend, &c), 7);
	assert_null(strstr(events, "\"mmio\""));
	assert_non_null(strstr(events, "\"exit\""));
}

static void status_is_clamped(void **state)
{
	static const struct fake_run script[] = {MMIO(exit_200), BLOCK};

	assert_int_equal(run_script(script, true), 99);
	assert_non_null(strstr(events, "\"status\":200,\"reason\":\"guest\""));
}

static void off(struct sv_kvm_run *run)
{
	run->system_event.type = SV_KVM_SYSTEM_EVENT_SHUTDOWN;
}

static void reset(struct sv_kvm_run *run)
{
	run->system_event.type = SV_KVM_SYSTEM_EVENT_RESET;
}

static void crash(struct sv_kvm_run *run)
{
	run->system_event.type = SV_KVM_SYSTEM_EVENT_CRASH;
}

static void strange_event(struct sv_kvm_run *run)
{
	run->system_event.type = 77;
}

/* Every way in which the kernel can end a run. */
static void endings(void **state)
{
	static const struct {
		const char *name;
		struct fake_run run;
		bool no_salvage;
		int status;
		const char *reason, *text;
	} cases[] = {
		{"off", {0, SV_KVM_EXIT_SYSTEM_EVENT, off, NULL}, false, 0, "off", ""},
		{"reset", {0, SV_KVM_EXIT_SYSTEM_EVENT, reset, NULL}, false, 107, "reset", ""},
		{"crash", {0, SV_KVM_EXIT_SYSTEM_EVENT, crash, NULL}, false, 107, "crash", ""},
		{"event",
		 {0, SV_KVM_EXIT_SYSTEM_EVENT, strange_event, NULL},
		 false,
		 105,
		 "kernel",
		 "system event"},
		{"ENOSYS", {-ENOSYS, 0, NULL, NULL}, true, 105, "kernel", "try without --no-salvage"},
		{"ENOSYS",
		 {-ENOSYS, 0, NULL, NULL},
		 false,
		 105,
		 "kernel",
		 "KVM_RUN: Function not implemented"},
		{"EFAULT", {-EFAULT, 0, NULL, NULL}, false, 105, "kernel", "KVM_RUN: Bad address ("},
		{"EHWPOISON", {-EHWPOISON, 0, NULL, NULL}, true, 105, "kernel", "try without --no-salvage"},
		{"ENOMEM", {-ENOMEM, 0, NULL, NULL}, false, 105, "kernel", "out of memory"},
		{"ENOEXEC", {-ENOEXEC, 0, NULL, NULL}, false, 105, "kernel", "not initialised"},
		{"EIO", {-EIO, 0, NULL, NULL}, false, 105, "kernel", "KVM_RUN: Input/output error"},
		{"fail entry", {0, SV_KVM_EXIT_FAIL_ENTRY, NULL, NULL}, false, 105, "kernel", "FAIL_ENTRY"},
		{"internal",
		 {0, SV_KVM_EXIT_INTERNAL_ERROR, NULL, NULL},
		 false,
		 105,
		 "kernel",
		 "INTERNAL_ERROR"},
		{"64 bytes without salvage",
		 {0, SV_KVM_EXIT_ARM_LDST64B, NULL, NULL},
		 true,
		 105,
		 "kernel",
		 "64 bytes"},
		{"sea", {0, SV_KVM_EXIT_ARM_SEA, NULL, NULL}, true, 105, "kernel", "exit reason 41"},
		{"sea of no abort",
		 {0, SV_KVM_EXIT_ARM_SEA, NULL, NULL},
		 false,
		 105,
		 "kernel",
		 "exit reason 41"},
		{"0", {0, 0, NULL, NULL}, false, 105, "kernel", "exit reason 0"},
		{"huge", {0, UINT32_MAX, NULL, NULL}, false, 105, "kernel", "exit reason 4294967295"},
		{"nisv not asked for",
		 {0, SV_KVM_EXIT_ARM_NISV, NULL, NULL},
		 true,
		 105,
		 "kernel",
		 "nobody asked"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		/* What only interrupts is no end. */
		const struct fake_run script[] = {
			{.rc = -EINTR}, {.rc = -EAGAIN}, {.reason = SV_KVM_EXIT_INTR}, cases[i].run, BLOCK};
		char reason[64];

		check(cases[i].name, run_script(script, !cases[i].no_salvage) == cases[i].status);
		check(cases[i].name,
		      *cases[i].text ? strstr(run_error.text, cases[i].text) != NULL : !*run_error.text);
		snprintf(reason, sizeof(reason), "\"reason\":\"%s\"", cases[i].reason);
		check(cases[i].name, strstr(events, reason));
	}
}

/* A kernel from before the capability: the run goes on without it, and the message says what was missing. */
static void old_kernel(void **state)
{
	static const struct fake_run script[] = {MMIO(write_recorder), {.rc = -ENOSYS}};
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	kernel.nisv_error = -EINVAL;
	kernel.script[0] = script;
	assert_int_equal(run(&backend, &c), 105);
	assert_non_null(strstr(run_error.text, "no KVM_CAP_ARM_NISV_TO_USER"));
	assert_non_null(strstr(events, "\"mmio\""));
}

/* The interrupt line follows the UART. */
static void interrupts(void **state)
{
	static const struct fake_run script[] = {MMIO(uart_unmask), MMIO(uart_write), MMIO(uart_acknowledge),
						 MMIO(uart_write),  MMIO(exit_7),     BLOCK};

	assert_int_equal(run_script(script, true), 7);
	assert_int_equal(kernel.lines_high, 2);
	assert_int_equal(kernel.lines_low, 1);
	/* The console is in no event. */
	assert_null(strstr(events, "pl011"));
}

/*
 * Reads until the character that came from outside is there. The step is the read before it once more, so it
 * repeats itself: each read is looked at, and the one that takes the character is not lost.
 */
static void until_x(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	if (run->mmio.data[0] != 'x')
		k->at[0] -= 1;
}

static void until_a(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	if (run->mmio.data[0] != 1)
		k->at[0] -= 1;
}

static void console(void **state)
{
	static const struct fake_run script[] = {MMIO(uart_write), MMIO(uart_read), MMIO_CHECK(NULL, until_x),
						 MMIO(exit_7), BLOCK};
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();
	int in[2], out[2];
	char text[8] = {0};

	assert_int_equal(pipe(in) | pipe(out), 0);
	assert_int_equal(write(in[1], "x", 1), 1);
	close(in[1]);
	c.input = in[0];
	c.output = out[1];
	kernel.script[0] = script;
	assert_int_equal(run(&backend, &c), 7);
	assert_int_equal(read(out[0], text, sizeof(text)), 1);
	assert_string_equal(text, "A");
	close(in[0]);
	close(out[0]);
	close(out[1]);
}

/*
 * Any of several vCPUs ends all, wherever the others are: asleep in KVM_RUN, about to enter it, or never
 * started.
 */
static void several(void **state)
{
	static const struct fake_run busy[] = {{.rc = -EINTR}, MMIO(write_recorder), {.rc = -EINTR}, BLOCK};
	static const struct fake_run ender[] = {MMIO(exit_7), BLOCK};

	for (unsigned i = 0; i < 200; i++) {
		struct vmm_kernel backend = fake_kernel(&kernel);
		struct vmm_config c = config();

		c.vcpus = 4;
		for (unsigned vcpu = 0; vcpu < 3; vcpu++)
			kernel.script[vcpu] = vcpu == i % 3 ? ender : busy;
		assert_int_equal(run(&backend, &c), 7);
		for (unsigned vcpu = 0; vcpu < 4; vcpu++)
			assert_int_equal(kernel.features[vcpu],
					 1u << SV_KVM_ARM_VCPU_PSCI_0_2 | 1u << SV_KVM_ARM_VCPU_SVE |
						 1u << SV_KVM_ARM_VCPU_PTRAUTH_ADDRESS |
						 1u << SV_KVM_ARM_VCPU_PTRAUTH_GENERIC | (vcpu ? 1 : 0));
	}
}

/* Two ends at once: one counts. */
static void both_end(void **state)
{
	static const struct fake_run seven[] = {MMIO(exit_7), BLOCK};
	static const struct fake_run stop[] = {{0, SV_KVM_EXIT_SYSTEM_EVENT, reset, NULL}, BLOCK};

	for (unsigned i = 0; i < 100; i++) {
		struct vmm_kernel backend = fake_kernel(&kernel);
		struct vmm_config c = config();
		int status;

		c.vcpus = 2;
		kernel.script[0] = seven;
		kernel.script[1] = stop;
		status = run(&backend, &c);
		assert_true(status == 7 || status == 107);
		assert_non_null(
			strstr(events, status == 7 ? "\"reason\":\"guest\"" : "\"reason\":\"reset\""));
	}
}

/* The first end counts, in every part of it. */
static void ends_twice(void **state)
{
	struct vmm_vm vm = {.console = {.wake = -1}};
	struct vmm_error late = {.status = 105, .text = "late"};

	pthread_mutex_init(&vm.end_lock, NULL);
	vmm_end(&vm, 7, VMM_REASON_GUEST);
	vmm_end(&vm, 107, VMM_REASON_RESET);
	vmm_end_error(&vm, &late, VMM_REASON_KERNEL);
	assert_true(atomic_load(&vm.ended));
	assert_int_equal(vm.status, 7);
	assert_string_equal(vm.reason, VMM_REASON_GUEST);
	assert_string_equal(vm.error.text, "");
}

static void terminate(struct fake_kernel *k, const struct sv_kvm_run *run)
{
	kill(getpid(), SIGTERM);
}

static void signals(void **state)
{
	static const struct fake_run script[] = {{.rc = FAKE_BLOCK, .look = terminate}};

	assert_int_equal(run_script(script, true), 128 + SIGTERM);
	assert_non_null(strstr(events, "\"reason\":\"signal\""));
}

static void timeout(void **state)
{
	static const struct fake_run script[] = {BLOCK};
	struct vmm_kernel backend = fake_kernel(&kernel);
	struct vmm_config c = config();

	kernel.script[0] = script;
	c.timeout = 1;
	assert_int_equal(run(&backend, &c), 108);
	assert_non_null(strstr(events, "\"reason\":\"timeout\""));
}

/* What the run leaves of a terminal's settings: all as before. Ctrl-A Ctrl-A sends one, Ctrl-A x ends. */
static void terminal(void **state)
{
	static const struct fake_run script[] = {MMIO(uart_write), MMIO(uart_read), MMIO_CHECK(NULL, until_a),
						 BLOCK};
	struct termios before = {0}, after = {0};
	int terminal, child, status;
	char text[16];
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

	if (pid < 0)
		skip(); /* no pseudo-terminals here, as in a bare chroot */
	if (!pid) {
		struct vmm_kernel backend = fake_kernel(&kernel);
		struct vmm_config c = config();

		c.input = STDIN_FILENO;
		c.output = STDOUT_FILENO;
		kernel.script[0] = script;
		tcgetattr(STDIN_FILENO, &before);
		status = run(&backend, &c);
		tcgetattr(STDIN_FILENO, &after);
		_exit(memcmp(&before, &after, sizeof(before)) ? 1 : status);
	}
	/* Raw once the guest has printed; a key typed then is not echoed. */
	assert_int_equal(read(terminal, text, 1), 1);
	assert_int_equal(*text, 'A');
	assert_int_equal(write(terminal, "\1\1\1x", 4), 4);
	assert_int_equal(waitpid(pid, &child, 0), pid);
	assert_true(WIFEXITED(child));
	assert_int_equal(WEXITSTATUS(child), 128 + SIGINT);
	close(terminal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_accesses), cmocka_unit_test(status_is_clamped),
		cmocka_unit_test(endings),         cmocka_unit_test(old_kernel),
		cmocka_unit_test(interrupts),      cmocka_unit_test(console),
		cmocka_unit_test(several),         cmocka_unit_test(both_end),
		cmocka_unit_test(ends_twice),      cmocka_unit_test(signals),
		cmocka_unit_test(timeout),         cmocka_unit_test(terminal),
	};

	return cmocka_run_group_tests(tests, write_guest, remove_guest);
}
