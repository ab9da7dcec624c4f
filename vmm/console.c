/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything the process waits for while its guest runs: console input, the time, signals, the end. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "vm.h"

/* In raw mode every key is the guest's, except this one: Ctrl-A x ends the run, Ctrl-A Ctrl-A sends one. */
#define ESCAPE 1

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/* A process in the background must neither read the terminal nor change it: it would be stopped. */
static void make_raw(struct vmm_console *console)
{
	struct termios raw;

	if (!isatty(console->input))
		return;
	if (tcgetpgrp(console->input) != getpgrp()) {
		console->input = -1;
		return;
	}
	if (tcgetattr(console->input, &console->before))
		return;
	raw = console->before;
	cfmakeraw(&raw);
	/*
	 * Newlines of our own messages, and of guests that send none of the other kind, still return the
	 * carriage.
	 */
	raw.c_oflag |= OPOST | ONLCR;
	console->raw = !tcsetattr(console->input, TCSANOW, &raw);
}

bool vmm_console_open(struct vmm_console *console, int input, int output, struct vmm_error *error)
{
	sigset_t set;

	*console = (struct vmm_console){.input = input, .output = output, .signals = -1};
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, &console->mask_before);
	/* The reader of our output may leave; the guest goes on. */
	console->pipe_before = signal(SIGPIPE, SIG_IGN);
	console->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	console->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (console->wake < 0 || console->signals < 0)
		return vmm_fail(error, VMM_INTERNAL, "eventfd or signalfd: %s", strerror(errno));
	make_raw(console);
	return true;
}

void vmm_console_close(struct vmm_console *console)
{
	if (console->raw)
		tcsetattr(console->input, TCSADRAIN, &console->before);
	if (console->wake >= 0)
		close(console->wake);
	if (console->signals >= 0)
		close(console->signals);
	signal(SIGPIPE, console->pipe_before);
	pthread_sigmask(SIG_SETMASK, &console->mask_before, NULL);
}

void vmm_console_wake(struct vmm_vm *vm)
{
	uint64_t one = 1;

	/* It can only fail with the counter full, when the loop is awake anyway. */
	if (write(vm->console.wake, &one, sizeof(one)) < 0)
		return;
}

/* Blocks where the reader is slow, but not beyond the end of the run. An output that is gone swallows. */
void vmm_console_put(struct vmm_vm *vm, uint8_t character)
{
	struct pollfd out = {.fd = vm->console.output, .events = POLLOUT};

	while (write(out.fd, &character, 1) < 0) {
		if (atomic_load(&vm->ended) || (errno != EINTR && errno != EAGAIN))
			return;
		if (errno == EAGAIN)
			poll(&out, 1, -1);
	}
}

/* Takes what was typed; true if it ended the run. */
static bool typed(struct vmm_vm *vm, const uint8_t *bytes, size_t count)
{
	struct vmm_console *console = &vm->console;

	for (size_t i = 0; i < count; i++) {
		bool escape = console->escape;

		console->escape = console->raw && !escape && bytes[i] == ESCAPE;
		if (console->escape)
			continue;
		if (escape && bytes[i] == 'x') {
			vmm_end(vm, VMM_SIGNAL + SIGINT, VMM_REASON_USER);
			return true;
		}
		console->pending[console->pending_count++] = bytes[i];
	}
	return false;
}

static void read_input(struct vmm_vm *vm)
{
	struct vmm_console *console = &vm->console;
	uint8_t bytes[sizeof(console->pending)];
	ssize_t got = read(console->input, bytes, sizeof(bytes) - console->pending_count);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		console->input_over = true;
		return;
	}
	typed(vm, bytes, (size_t)got);
}

static void feed(struct vmm_vm *vm)
{
	struct vmm_console *console = &vm->console;
	size_t taken = vmm_pl011_receive(&vm->uart, console->pending, console->pending_count);

	console->pending_count -= taken;
	memmove(console->pending, console->pending + taken, console->pending_count);
}

static void read_signal(struct vmm_vm *vm)
{
	struct signalfd_siginfo info;

	if (read(vm->console.signals, &info, sizeof(info)) == sizeof(info))
		vmm_end(vm, VMM_SIGNAL + (int)info.ssi_signo, VMM_REASON_SIGNAL);
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void vmm_console_loop(struct vmm_vm *vm)
{
	enum { WAKE, SIGNALS, INPUT };
	struct vmm_console *console = &vm->console;
	int64_t end = now() + (int64_t)vm->config->timeout * 1000, left = -1;
	struct pollfd fds[] = {
		[WAKE] = {.fd = console->wake, .events = POLLIN},
		[SIGNALS] = {.fd = console->signals, .events = POLLIN},
		[INPUT] = {.events = POLLIN},
	};
	uint64_t count;

	while (!atomic_load(&vm->ended)) {
		bool room = console->pending_count < sizeof(console->pending);

		if (vm->config->timeout) {
			left = end - now();
			if (left <= 0) {
				vmm_end(vm, VMM_TIMEOUT, VMM_REASON_TIMEOUT);
				break;
			}
			left = left < INT32_MAX ? left : INT32_MAX;
		}
		fds[INPUT].fd = room && !console->input_over ? console->input : -1;
		if (poll(fds, sizeof(fds) / sizeof(*fds), (int)left) < 0)
			continue;
		if (fds[SIGNALS].revents)
			read_signal(vm);
		if (fds[INPUT].revents)
			read_input(vm);
		if (fds[WAKE].revents && read(console->wake, &count, sizeof(count)) < 0)
			continue;
		feed(vm);
	}
}
