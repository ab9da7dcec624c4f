/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --sea: how it is read, where it is allowed, what is asked of the laboratory, and that nothing happens
 * elsewhere.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/check.h"

#include "vm.h"

static void good(void **state)
{
	static const struct {
		const char *text;
		uint64_t gpa;
		unsigned times;
		bool fnv, insn, claimed;
	} cases[] = {
		{"0x40200000", 0x40200000, 1, false, false, false},
		{"0x40200fff", 0x40200000, 1, false, false, false},
		{"0x40201000,fnv", 0x40201000, 1, true, false, false},
		{"0x40200000,insn", 0x40200000, 1, false, true, false},
		{"0x40200000,claimed", 0x40200000, 1, false, false, true},
		{"0x40200000,times=3", 0x40200000, 3, false, false, false},
		{"0x40200000,times=0x10,insn,fnv", 0x40200000, 16, true, true, false},
		{"0x40200000,times=1000000", 0x40200000, 1000000, false, false, false},
		{"1075838976", 0x40200000, 1, false, false, false},
		{"0x40ABC123", 0x40abc000, 1, false, false, false},
		{"0", 0, 1, false, false, false},
		{"0xffffffffffffffff", 0xfffffffffffff000, 1, false, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct vmm_sea_error error;
		struct vmm_sea sea;

		print_message("# %s\n", cases[i].text);
		assert_true(vmm_sea_parse(cases[i].text, &sea, &error));
		assert_null(error.why);
		assert_ptr_equal(sea.text, cases[i].text);
		assert_int_equal(sea.gpa, cases[i].gpa);
		assert_int_equal(sea.times, cases[i].times);
		assert_int_equal(sea.fnv, cases[i].fnv);
		assert_int_equal(sea.insn, cases[i].insn);
		assert_int_equal(sea.claimed, cases[i].claimed);
	}
}

static void bad(void **state)
{
	static const char address[] = "expected an address", word[] = "expected fnv",
			  times[] = "times= needs", twice[] = "given twice", alone[] = "claimed goes with no";
	static const struct {
		const char *text;
		size_t column;
		const char *why;
	} cases[] = {
		{"", 1, address},
		{",fnv", 1, address},
		{"here", 1, address},
		{"0x", 1, address},
		{"0x,", 1, address},
		{"0xg", 1, address},
		{"0x-1", 1, address},
		{"0x 1", 1, address},
		{"0x0x1", 1, address},
		{"-1", 1, address},
		{"+1", 1, address},
		{" 1", 1, address},
		{"1 ", 1, address},
		{"40g", 1, address},
		{"0x10000000000000000", 1, address},
		{"18446744073709551616", 1, address},
		{"1,", 3, word},
		{"1,,fnv", 3, word},
		{"1,fnv,", 7, word},
		{"1,fnvx", 3, word},
		{"1,fn", 3, word},
		{"1,FNV", 3, word},
		{"1, fnv", 3, word},
		{"1,fnv=1", 3, word},
		{"1,times", 3, word},
		{"1,fnv,fnv", 7, twice},
		{"1,insn,fnv,insn", 12, twice},
		{"1,times=1,times=1", 11, twice},
		{"1,times=", 3, times},
		{"1,times=0", 3, times},
		{"1,times=-1", 3, times},
		{"1,times=1x", 3, times},
		{"1,times=1000001", 3, times},
		{"1,fnv,times=99999999999999999999", 7, times},
		{"1,claimed,claimed", 11, twice},
		{"1,claimed,fnv", 11, alone},
		{"1,insn,claimed", 8, alone},
		{"1,claimed,times=1", 11, alone},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct vmm_sea_error error;
		struct vmm_sea sea;

		print_message("# %s\n", cases[i].text);
		assert_false(vmm_sea_parse(cases[i].text, &sea, &error));
		assert_int_equal(error.column, cases[i].column);
		assert_ptr_equal(strstr(error.why, cases[i].why), error.why);
	}
}

static void where(void **state)
{
	static const struct {
		uint64_t gpa, memory;
		bool good;
	} cases[] = {
		{0x40000000, 0x100000, true},  {0x400ff000, 0x100000, true},
		{0x40100000, 0x100000, false}, {0x40100000, 0x200000, true},
		{0x3ffff000, 0x100000, false}, {0, 0x100000, false},
		{0x09000000, 0x100000, false}, {0xfffffffffffff000, UINT64_C(1) << 48, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct vmm_sea sea[] = {{.text = "a", .gpa = 0x40000000}, {.text = "b", .gpa = cases[i].gpa}};
		struct vmm_config config = {.memory = cases[i].memory, .sea = sea, .sea_count = 2};
		struct vmm_error error = {0};

		assert_int_equal(vmm_sea_check(&config, &error), cases[i].good);
		if (cases[i].good)
			continue;
		assert_int_equal(error.status, VMM_USAGE);
		assert_ptr_equal(strstr(error.text, "--sea=b: not in RAM, which is 0x40000000-0x"),
				 error.text);
	}
}

/* The host's end: keeps the request, gives the answer in pieces of one byte, and may close. */
struct host {
	int port;
	const char *answer;
	char request[128];
};

static void *play(void *opaque)
{
	struct host *host = opaque;
	size_t length = 0;

	while (length < sizeof(host->request) - 1 && read(host->port, host->request + length, 1) == 1 &&
	       host->request[length++] != '\n')
		;
	host->request[length] = 0;
	for (const char *next = host->answer; *next; next++)
		assert_int_equal(write(host->port, next, 1), 1);
	shutdown(host->port, SHUT_WR);
	return NULL;
}

static void requests(void **state)
{
	static char endless[300];
	static const struct {
		struct vmm_sea sea;
		const char *request, *answer;
		int status;
		const char *text;
	} cases[] = {
		{{"x", 0x40200000, 1, false, false, false}, "arm 0x40200000,times=1\n", "armed\n", 0, ""},
		{{"x", 0x40201000, 7, true, true, false},
		 "arm 0x40201000,fnv,insn,times=7\n",
		 "armed\nmore\n",
		 0,
		 ""},
		{{"x", 0, 1, true, false, false},
		 "arm 0x0,fnv,times=1\n",
		 "refused this kernel is old\n",
		 VMM_UNAVAILABLE,
		 "--sea=x: this kernel is old"},
		{{"x", 0, 1, false, true, false},
		 "arm 0x0,insn,times=1\n",
		 "disarmed\n",
		 VMM_INTERNAL,
		 "--sea=x: the laboratory's answer makes no sense"},
		{{"x", 0, 1, false, false, false},
		 "arm 0x0,times=1\n",
		 "\n",
		 VMM_INTERNAL,
		 "--sea=x: the laboratory's answer makes no sense"},
		{{"x", 0, 1, false, false, false},
		 "arm 0x0,times=1\n",
		 "armed",
		 VMM_INTERNAL,
		 "--sea=x: the laboratory does not answer"},
		{{"x", 0, 1, false, false, false},
		 "arm 0x0,times=1\n",
		 "",
		 VMM_INTERNAL,
		 "--sea=x: the laboratory does not answer"},
		{{"x", 0, 1, false, false, false},
		 "arm 0x0,times=1\n",
		 endless,
		 VMM_INTERNAL,
		 "--sea=x: the laboratory does not answer"},
	};

	memset(endless, 'a', sizeof(endless) - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct host host = {.answer = cases[i].answer};
		struct vmm_error error = {0};
		pthread_t thread;
		int ends[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
		host.port = ends[1];
		assert_int_equal(pthread_create(&thread, NULL, play, &host), 0);
		assert_int_equal(vmm_sea_request(ends[0], &cases[i].sea, 10000, &error), !cases[i].status);
		pthread_join(thread, NULL);
		close(ends[0]);
		close(ends[1]);
		assert_string_equal(host.request, cases[i].request);
		assert_int_equal(error.status, cases[i].status);
		assert_string_equal(error.text, cases[i].text);
	}
}

/* A host that is there and says nothing. */
static void silence(void **state)
{
	struct vmm_sea sea = {.text = "x"};
	struct vmm_error error;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_false(vmm_sea_request(ends[0], &sea, 1, &error));
	assert_string_equal(error.text, "--sea=x: the laboratory does not answer");
	close(ends[0]);
	close(ends[1]);
}

/* What /proc/self/smaps says of the mapping that this is in; NULL if nothing. */
static char *flags_of(const void *place)
{
	static char line[512];
	FILE *file = fopen("/proc/self/smaps", "re");
	bool here = false;
	char *found = NULL;

	while (file && !found && fgets(line, sizeof(line), file)) {
		unsigned long first, end;

		if (sscanf(line, "%lx-%lx ", &first, &end) == 2)
			here = first <= (uintptr_t)place && (uintptr_t)place < end;
		else if (here && !strncmp(line, "VmFlags:", 8))
			found = line;
	}
	if (file)
		fclose(file);
	return found;
}

static void small_pages(void **state)
{
	/* More than any host's huge page. */
	enum { SIZE = 1 << 30, AT = SIZE / 2 };
	static const struct vmm_sea sea = {.gpa = VMM_RAM_BASE + AT};
	struct vmm_config config = {.memory = SIZE, .sea = &sea};
	struct vmm_vm vm = {.config = &config};
	const uintptr_t huge = 1 << 21;
	struct vmm_error error;
	uint8_t *first;

	if (access("/sys/kernel/mm/transparent_hugepage", F_OK) || access("/proc/self/smaps", R_OK))
		skip();
	for (config.sea_count = 0; config.sea_count < 2; config.sea_count++) {
		vm.ram = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			      -1, 0);
		assert_ptr_not_equal(vm.ram, MAP_FAILED);
		/* The kernel may have made one mapping of this and its neighbour. */
		assert_int_equal(mprotect(vm.ram, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
		assert_true(vmm_sea_prepare(&vm, &error));
		for (uint64_t at = 0; at <= AT; at += AT) {
			assert_non_null(flags_of(vm.ram + at));
			assert_int_equal(strstr(flags_of(vm.ram + at), " nh") != NULL,
					 at && config.sea_count);
		}
		/*
		 * All of the huge page of 2 MiB, which every host has at least, that the bad page could be
		 * in.
		 */
		first = (uint8_t *)((uintptr_t)(vm.ram + AT) & -huge);
		assert_int_equal(strstr(flags_of(first), " nh") != NULL, config.sea_count);
		assert_int_equal(strstr(flags_of(first + huge - 1), " nh") != NULL, config.sea_count);
		munmap(vm.ram, SIZE);
	}
}

/*
 * No memory is poisoned where there is no laboratory, whoever runs this; and what RAM holds stays through all
 * of it.
 */
static unsigned poisoned;

static bool poison(void *opaque, int vm_fd, const struct vmm_sea *sea, struct vmm_error *error)
{
	assert_int_equal(vm_fd, 7);
	assert_string_equal(sea->text, poisoned ? "second" : "first");
	if (++poisoned == *(unsigned *)opaque)
		return vmm_fail(error, VMM_UNAVAILABLE, "refused");
	return true;
}

/* A kernel that makes errors itself: it is asked for each, until it refuses one. */
static void by_kernel(void **state)
{
	static const struct {
		unsigned refuses, asked;
		bool good;
	} cases[] = {{0, 2, true}, {1, 1, false}, {2, 2, false}};
	struct vmm_sea sea[] = {{.text = "first"}, {.text = "second"}};
	struct vmm_config config = {.sea = sea, .sea_count = 2};

	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned refuses = cases[i].refuses;
		struct vmm_kernel kernel = {.backend = {.opaque = &refuses}, .poison = poison};
		struct vmm_vm vm = {.config = &config, .kernel = &kernel, .vm_fd = 7};
		struct vmm_error error;

		poisoned = 0;
		assert_int_equal(vmm_sea_arm(&vm, &error), cases[i].good);
		assert_int_equal(poisoned, cases[i].asked);
	}
}

static void elsewhere(void **state)
{
	enum { SIZE = 1 << 20 };
	struct vmm_sea sea[] = {{.text = "c", .gpa = VMM_RAM_BASE, .times = 1, .claimed = true},
				{.text = "d", .gpa = VMM_RAM_BASE + 0x3000, .times = 1}};
	struct vmm_config config = {.memory = SIZE, .sea = sea, .sea_count = 2};
	struct vmm_vm vm = {.config = &config, .kernel = &vmm_kernel_system};
	struct vmm_error error;

	if (!access(VMM_SEA_PORT, F_OK))
		skip();
	vm.ram = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(vm.ram, MAP_FAILED);
	assert_true(vmm_sea_prepare(&vm, &error));
	memset(vm.ram, 0x5a, SIZE);
	assert_false(vmm_sea_arm(&vm, &error));
	assert_int_equal(error.status, VMM_UNAVAILABLE);
	assert_non_null(strstr(error.text, "only with --backend=soft and --backend=lab"));
	vmm_sea_again(&vm);
	for (unsigned i = 0; i < SIZE; i++) {
		assert_int_equal(vm.ram[i], 0x5a);
		vm.ram[i] = 1;
	}
	config.sea_count = 0;
	assert_true(vmm_sea_arm(&vm, &error));
	munmap(vm.ram, SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),      cmocka_unit_test(bad),       cmocka_unit_test(where),
		cmocka_unit_test(requests),  cmocka_unit_test(silence),   cmocka_unit_test(small_pages),
		cmocka_unit_test(by_kernel), cmocka_unit_test(elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
