/* SPDX-License-Identifier: BSD-2-Clause */
/* The interpreter of seccomp's filters: tables, and random filters held against the kernel's own answers. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor/filter.h"
#include "support/check.h"

#define LONGEST 40
#define ROUNDS  400
#define NR      offsetof(struct seccomp_data, nr)
#define ARG(n)  (offsetof(struct seccomp_data, args) + 8 * (n))

static const struct seccomp_data call = {.nr = 77,
					 .arch = 0xc00000b7,
					 .instruction_pointer = 0x1122334455667788,
					 .args = {0xfffffff0, 0x4010aeac}};

static const struct {
	const char *name;
	bool good;
	uint32_t action;
	struct sock_filter program[6];
} cases[] = {
	{"constant", true, SECCOMP_RET_ALLOW, {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}},
	{"number", true, 77, {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_STMT(BPF_RET | BPF_A, 0)}},
	{"argument",
	 true,
	 0x4010aeac,
	 {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG(1)), BPF_STMT(BPF_RET | BPF_A, 0)}},
	{"length", true, sizeof(call), {BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_RET | BPF_A, 0)}},
	{"length in X",
	 true,
	 sizeof(call),
	 {BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0),
	  BPF_STMT(BPF_RET | BPF_A, 0)}},
	{"scratch memory",
	 true,
	 9,
	 {BPF_STMT(BPF_LDX | BPF_IMM, 9), BPF_STMT(BPF_STX, 15), BPF_STMT(BPF_LD | BPF_MEM, 15),
	  BPF_STMT(BPF_RET | BPF_A, 0)}},
	{"unsigned comparison",
	 true,
	 1,
	 {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG(0)), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1, 0, 1),
	  BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 2)}},
	{"jump",
	 true,
	 2,
	 {BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 2)}},
	{"division by X = 0",
	 true,
	 0,
	 {BPF_STMT(BPF_LD | BPF_IMM, 8), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
	  BPF_STMT(BPF_RET | BPF_K, 1)}},
	{"no end", false, 0, {BPF_STMT(BPF_LD | BPF_IMM, 0)}},
	{"jump out", false, 0, {BPF_STMT(BPF_JMP | BPF_JA, 5), BPF_STMT(BPF_RET | BPF_K, 0)}},
	{"jump far out", false, 0, {BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), BPF_STMT(BPF_RET | BPF_K, 0)}},
	{"conditional jump out",
	 false,
	 0,
	 {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), BPF_STMT(BPF_RET | BPF_K, 0)}},
	{"load beyond the call",
	 false,
	 0,
	 {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(call)), BPF_STMT(BPF_RET | BPF_K, 0)}},
	{"unaligned load", false, 0, {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_K, 0)}},
	{"load of a byte", false, 0, {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_K, 0)}},
	{"store beyond memory", false, 0, {BPF_STMT(BPF_ST, 16), BPF_STMT(BPF_RET | BPF_K, 0)}},
	{"division by 0", false, 0, {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 0)}},
	{"modulo", false, 0, {BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), BPF_STMT(BPF_RET | BPF_K, 0)}},
	{"shift by 32", false, 0, {BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), BPF_STMT(BPF_RET | BPF_K, 0)}},
};

static size_t length(const struct sock_filter *program, size_t most)
{
	static const struct sock_filter none;
	size_t count = most;

	while (count && !memcmp(&program[count - 1], &none, sizeof(none)))
		count--;
	return count;
}

/* Whether the kernel takes a filter, asked in a child. */
static bool kernel_takes(struct sock_filter *program, size_t count)
{
	pid_t child = fork();
	int status;

	if (!child) {
		struct sock_fprog filter = {(unsigned short)count, program};

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		/* A filter that is taken may well forbid exit: dying of it is an answer, too. */
		_exit(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) && errno == EINVAL ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) || !WEXITSTATUS(status);
}

static void cases_hold(void **state)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t count = length(cases[i].program, COUNT(cases[i].program));
		struct sock_filter program[COUNT(cases[i].program)];
		uint32_t action = 0xdead;

		memcpy(program, cases[i].program, sizeof(program));
		check(cases[i].name, filter_run(program, count, &call, &action) == cases[i].good);
		check(cases[i].name, !cases[i].good || action == cases[i].action);
		check(cases[i].name, kernel_takes(program, count) == cases[i].good);
	}
}

static void kernel_order_of_answers(void **state)
{
	static const uint32_t strictest_first[] = {
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
		SECCOMP_RET_USER_NOTIF,   SECCOMP_RET_TRACE,       SECCOMP_RET_LOG,  SECCOMP_RET_ALLOW,
	};

	for (size_t i = 0; i < COUNT(strictest_first); i++) {
		for (size_t j = 0; j < COUNT(strictest_first); j++)
			assert_int_equal(filter_stricter(strictest_first[i], strictest_first[j]),
					 strictest_first[i < j ? i : j]);
		assert_int_equal(filter_allows(strictest_first[i] | 5), i >= 6);
	}
	assert_string_equal(filter_answer(SECCOMP_RET_ERRNO | EPERM), "EPERM");
	assert_string_equal(filter_answer(SECCOMP_RET_ERRNO | 4000), "an error");
	assert_string_equal(filter_answer(SECCOMP_RET_KILL_PROCESS), "the end of the process");
}

static struct sock_filter random_insn(uint64_t *seed, size_t left)
{
	static const uint16_t operations[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_AND,
					      BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH};
	static const uint16_t jumps[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
	uint32_t k = (uint32_t)(random_next(seed) >> (random_next(seed) & 31));
	uint16_t source = random_next(seed) & 1 ? BPF_X : BPF_K;
	uint16_t operation = operations[random_next(seed) % COUNT(operations)];

	switch (random_next(seed) % 10) {
	case 0:
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						    ARG(random_next(seed) % 12 / 2));
	case 1:
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, k);
	case 2:
		return (struct sock_filter)BPF_STMT(random_next(seed) & 1 ? BPF_ST : BPF_STX, k % 2);
	case 3:
		/* The kernel refuses to read what was not stored: random_program stores to 0 and 1 first. */
		return (struct sock_filter)BPF_STMT((random_next(seed) & 1 ? BPF_LD : BPF_LDX) | BPF_MEM,
						    k % 2);
	case 4:
		return (struct sock_filter)BPF_STMT(BPF_MISC | (k & 1 ? BPF_TAX : BPF_TXA), 0);
	case 5:
		return (struct sock_filter)BPF_STMT(BPF_ALU | BPF_NEG, 0);
	case 6:
		return (struct sock_filter)BPF_JUMP(BPF_JMP | jumps[random_next(seed) % COUNT(jumps)] |
							    source,
						    k, (uint8_t)(random_next(seed) % left),
						    (uint8_t)(random_next(seed) % left));
	default:
		if (operation == BPF_LSH || operation == BPF_RSH)
			k %= 32;
		if (operation == BPF_DIV)
			k |= 1;
		return (struct sock_filter)BPF_STMT(BPF_ALU | operation | source, k);
	}
}

/* Every call but getpriority is allowed; that one fails with 12 bits of a random computation. */
static size_t random_program(uint64_t *seed, struct sock_filter *program)
{
	size_t count = 0, body = 1 + random_next(seed) % (LONGEST - 12);

	program[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR);
	program[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 1, 0);
	program[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program[count++] = (struct sock_filter)BPF_STMT(BPF_ST, 0);
	program[count++] = (struct sock_filter)BPF_STMT(BPF_STX, 1);
	for (size_t left = body; left; left--)
		program[count++] = random_insn(seed, left);
	program[count++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff);
	program[count++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO);
	program[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	return count;
}

/* The error that the kernel made of the call: 0 and up, or -1: the filter was refused; -2: killed. */
static int kernel_answer(struct sock_filter *program, size_t count, const struct seccomp_data *made)
{
	int *answer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), result;
	pid_t child;

	assert_true(answer != MAP_FAILED);
	*answer = -2;
	child = fork();
	if (!child) {
		struct sock_fprog filter = {(unsigned short)count, program};

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
			*answer = -1;
			_exit(0);
		}
		errno = 0;
		*answer = syscall(SYS_getpriority, made->args[0], made->args[1], made->args[2], made->args[3],
				  made->args[4], made->args[5])
				  ? errno
				  : 0;
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	result = *answer;
	munmap(answer, 4096);
	return result;
}

static void random_filters_answer_as_the_kernel_does(void **state)
{
	uint64_t seed = 20261120;
	unsigned killed = 0, failed = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct seccomp_data made = {.nr = SYS_getpriority};
		struct sock_filter program[LONGEST];
		size_t count = random_program(&seed, program);
		uint32_t action;
		int expected;

		for (unsigned i = 0; i < 6; i++)
			made.args[i] = random_next(&seed) >> (random_next(&seed) & 63);
		assert_true(filter_run(program, count, &made, &action));
		expected = kernel_answer(program, count, &made);
		if (expected == -1)
			skip();
		if (expected == -2) {
			/* Division by zero ends a filter with 0, which is SECCOMP_RET_KILL_THREAD. */
			assert_int_equal(action, 0);
			killed++;
			continue;
		}
		if ((action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO ||
		    (int)(action & SECCOMP_RET_DATA) != expected)
			fail_msg("round %u: %x, the kernel's error is %d", round, action, expected);
		failed += expected != 0;
	}
	assert_true(failed > ROUNDS / 4 && killed > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases_hold),
		cmocka_unit_test(kernel_order_of_answers),
		cmocka_unit_test(random_filters_answer_as_the_kernel_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
