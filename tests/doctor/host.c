/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts and programs that were made for the purpose, and the lines about them. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/doctor/doctor.h"
#include "kvm/uapi.h"
#include "support/check.h"

static char root[] = "/tmp/salvage-doctor-XXXXXX";

static void path_of(char *path, size_t size, const char *name)
{
	assert_true(snprintf(path, size, "%s%s", root, name) < (int)size);
}

/* A file below root, with the directories above it. */
static void put(const char *name, const void *bytes, size_t size, mode_t mode)
{
	char path[300];
	int fd;

	path_of(path, sizeof(path), name);
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = 0;
		mkdir(path, 0755);
	}
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void take(const char *name)
{
	char path[300];

	path_of(path, sizeof(path), name);
	assert_int_equal(unlink(path), 0);
}

/* What /dev/kvm answers: its API version, and which capabilities it has. */
static struct {
	int version;
	unsigned capabilities[3], asked;
} kvm;

static int kvm_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	if (request == SV_KVM_GET_API_VERSION)
		return kvm.version;
	assert_int_equal(request, SV_KVM_CHECK_EXTENSION);
	kvm.asked++;
	for (unsigned i = 0; i < COUNT(kvm.capabilities); i++)
		if (kvm.capabilities[i] == (uintptr_t)argument)
			return 1;
	return 0;
}

static const struct sv_kvm_backend backend = {.ioctl = kvm_ioctl};

static struct doctor begin(const char *machine, const char *release)
{
	struct doctor doctor = {.root = root,
				.machine = machine,
				.release = release,
				.kvm = &backend,
				.user = 1000,
				.group = 1000};

	assert_true(doctor_begin(&doctor));
	return doctor;
}

/* The one line of that name: its state, and part of its detail. */
static void expect(const struct doctor *doctor, const char *name, const char *what, const char *state,
		   const char *part)
{
	json_t *line;
	size_t i;

	json_array_foreach(doctor->lines, i, line)
	{
		const char *text = json_string_value(json_object_get(line, "state"));
		const char *detail = json_string_value(json_object_get(line, "detail"));

		if (strcmp(json_string_value(json_object_get(line, "what")), what))
			continue;
		if (strcmp(text, state) || !strstr(detail, part))
			fail_msg("%s: %s: %s %s, not %s ...%s...", name, what, text, detail, state, part);
		/* What is lacking has a remedy. */
		check(name, strcmp(state, "lack") || json_is_string(json_object_get(line, "remedy")));
		return;
	}
	if (*state)
		fail_msg("%s: no line %s", name, what);
}

static const struct {
	const char *name, *machine, *release;
	int version;
	unsigned capabilities[3], asked;
	bool lacking;
	struct {
		const char *what, *state, *part;
	} lines[4];
} hosts[] = {
	{"all there",
	 "aarch64",
	 "7.2.12",
	 12,
	 {177, 178, 245},
	 3,
	 false,
	 {{"host", "ok", "arm64"},
	  {"kernel", "ok", "has all"},
	  {"KVM_CAP_ARM_NISV_TO_USER", "ok", "177"},
	  {"KVM_CAP_ARM_SEA_TO_USER", "ok", "245"}}},
	{"no SEA",
	 "aarch64",
	 "6.12.3-arm64",
	 12,
	 {177, 178},
	 3,
	 false,
	 {{"kernel", "note", "6.17), which salvage allows for, has no exit for synchronous"},
	  {"KVM_CAP_ARM_SEA_TO_USER", "note", "panics"},
	  {"KVM_CAP_ARM_INJECT_EXT_DABT", "ok", "178"}}},
	{"between",
	 "aarch64",
	 "6.18.0",
	 12,
	 {177, 178},
	 3,
	 false,
	 {{"kernel", "note", "released has no exit for s"}}},
	{"no injection",
	 "aarch64",
	 "7.0.0",
	 12,
	 {245, 177},
	 3,
	 false,
	 {{"KVM_CAP_ARM_INJECT_EXT_DABT", "note", "by hand"}}},
	{"old",
	 "aarch64",
	 "4.19.0",
	 12,
	 {0},
	 3,
	 true,
	 {{"kernel", "note", "(5.5)"}, {"KVM_CAP_ARM_NISV_TO_USER", "lack", "lost"}}},
	{"odd release", "aarch64", "custom", 12, {177, 178, 245}, 3, false, {{"kernel", "note", "custom"}}},
	/* 177 and 245 mean other things there. */
	{"x86-64",
	 "x86_64",
	 "7.2.12",
	 12,
	 {177, 178, 245},
	 0,
	 true,
	 {{"host", "lack", "x86_64"}, {"/dev/kvm", "ok", ""}, {"KVM_CAP_ARM_NISV_TO_USER", "", ""}}},
	{"not KVM",
	 "aarch64",
	 "7.2.12",
	 -ENOTTY,
	 {0},
	 0,
	 true,
	 {{"/dev/kvm", "lack", "not KVM"}, {"KVM_CAP_ARM_NISV_TO_USER", "", ""}}},
};

static void hosts_are_told(void **state)
{
	put("/dev/kvm", "", 0, 0600);
	for (size_t i = 0; i < COUNT(hosts); i++) {
		struct doctor doctor = begin(hosts[i].machine, hosts[i].release);

		kvm.version = hosts[i].version;
		kvm.asked = 0;
		memcpy(kvm.capabilities, hosts[i].capabilities, sizeof(kvm.capabilities));
		doctor_host(&doctor);
		check(hosts[i].name, doctor.lacking == hosts[i].lacking);
		check(hosts[i].name, kvm.asked == hosts[i].asked);
		for (size_t j = 0; j < COUNT(hosts[i].lines) && hosts[i].lines[j].what; j++)
			expect(&doctor, hosts[i].name, hosts[i].lines[j].what, hosts[i].lines[j].state,
			       hosts[i].lines[j].part);
		doctor_end(&doctor);
	}
	take("/dev/kvm");
}

static void missing_kvm_is_lacking(void **state)
{
	struct doctor doctor = begin("aarch64", "7.2.12");

	doctor_host(&doctor);
	assert_true(doctor.lacking);
	expect(&doctor, "no /dev/kvm", "/dev/kvm", "lack", "No such file");
	doctor_end(&doctor);
}

static void security_is_told(void **state)
{
	static const struct {
		const char *name, *file, *text, *what, *state, *part;
	} cases[] = {
		{"seccomp", "/proc/sys/kernel/seccomp/actions_avail", "kill_process\n", "seccomp", "ok",
		 "--pid"},
		{"no seccomp", NULL, NULL, "seccomp", "ok", "no filters"},
		{"AppArmor", "/sys/module/apparmor/parameters/enabled", "Y\n", "AppArmor", "note", "on:"},
		{"AppArmor off", "/sys/module/apparmor/parameters/enabled", "N\n", "AppArmor", "", ""},
		{"no AppArmor", NULL, NULL, "AppArmor", "", ""},
		{"SELinux", "/sys/fs/selinux/enforce", "1", "SELinux", "note", "enforcing:"},
		{"SELinux permissive", "/sys/fs/selinux/enforce", "0", "SELinux", "note", "permissive:"},
		{"recovery", "/proc/sys/vm/memory_failure_recovery", "1\n", "memory errors", "ok",
		 "survives"},
		{"panic", "/proc/sys/vm/memory_failure_recovery", "0\n", "memory errors", "note", "panics"},
		{"no recovery", NULL, NULL, "memory errors", "note", "cannot"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct doctor doctor = begin("aarch64", "7.2.12");

		if (cases[i].file)
			put(cases[i].file, cases[i].text, strlen(cases[i].text), 0644);
		doctor_host(&doctor);
		expect(&doctor, cases[i].name, cases[i].what, cases[i].state, cases[i].part);
		/* Lines are looked for by name: that there is none has to be seen too. */
		if (!*cases[i].state) {
			json_t *line;
			size_t j;

			json_array_foreach(doctor.lines, j, line)
				check(cases[i].name, strcmp(json_string_value(json_object_get(line, "what")),
							    cases[i].what));
		}
		doctor_end(&doctor);
		if (cases[i].file)
			take(cases[i].file);
	}
}

/* An ELF file that is no more than a header and, unless interpreter is NULL, a PT_INTERP. */
static void put_elf(const char *name, uint16_t type, uint16_t machine, const char *interpreter, mode_t mode)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
		char interpreter[64];
	} file = {
		.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = type,
			   .e_machine = machine,
			   .e_version = EV_CURRENT,
			   .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_phoff = sizeof(Elf64_Ehdr),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 1},
		.segment = {.p_type = interpreter ? PT_INTERP : PT_NULL,
			    .p_offset = offsetof(__typeof__(file), interpreter)},
	};

	if (interpreter) {
		strcpy(file.interpreter, interpreter);
		file.segment.p_filesz = strlen(interpreter) + 1;
	}
	put(name, &file, sizeof(file), mode);
}

#define GLIBC "/lib/ld-linux-aarch64.so.1"

static const struct {
	const char *name;
	uint16_t machine;
	const char *interpreter;
	mode_t mode;
	uid_t user; /* who looks; the file is the test's own */
	bool lacking;
	const char *what, *state, *part;
} programs[] = {
	{"dynamic", EM_AARCH64, GLIBC, 0755, 1, false, "linking", "ok", GLIBC},
	{"arm64", EM_AARCH64, GLIBC, 0755, 1, false, "VMM", "ok", "/usr/bin/vmm is for arm64"},
	{"no ioctl", EM_AARCH64, GLIBC, 0755, 1, false, "ioctl", "note", "system calls"},
	{"static", EM_AARCH64, NULL, 0755, 1, true, "linking", "lack", "static"},
	{"musl", EM_AARCH64, "/lib/ld-musl-aarch64.so.1", 0755, 1, true, "linking", "lack", "musl"},
	{"x86-64", EM_X86_64, "/lib64/ld-linux-x86-64.so.2", 0755, 1, true, "VMM", "lack", "for x86-64"},
	{"32-bit", EM_ARM, NULL, 0755, 1, true, "VMM", "lack", "for 32-bit Arm"},
	{"other", EM_S390, NULL, 0755, 1, true, "VMM", "lack", "another architecture"},
	{"plain", EM_AARCH64, GLIBC, 0755, 1, false, "AT_SECURE", "ok", ""},
	{"set-user-ID", EM_AARCH64, GLIBC, 04755, 1, true, "AT_SECURE", "lack", "set-user-ID"},
	{"own set-user-ID", EM_AARCH64, GLIBC, 04755, 0, false, "AT_SECURE", "ok", ""},
	{"set-group-ID", EM_AARCH64, GLIBC, 02755, 1, true, "AT_SECURE", "lack", "set-group-ID"},
	/* Without the right to execute it for the group it once was mandatory locking. */
	{"locking", EM_AARCH64, GLIBC, 02745, 1, false, "AT_SECURE", "ok", ""},
	{"no program", EM_AARCH64, GLIBC, 0644, 1, true, "VMM", "lack", "executed"},
};

static void programs_are_told(void **state)
{
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct doctor doctor = begin("aarch64", "7.2.12");

		doctor.user = getuid() + programs[i].user;
		doctor.group = getgid() + 1;
		put_elf("/usr/bin/vmm", ET_DYN, programs[i].machine, programs[i].interpreter,
			programs[i].mode);
		doctor_program(&doctor, "/usr/bin/vmm", NULL);
		check(programs[i].name, doctor.lacking == programs[i].lacking);
		expect(&doctor, programs[i].name, programs[i].what, programs[i].state, programs[i].part);
		doctor_end(&doctor);
		take("/usr/bin/vmm");
	}
}

static void names_are_found(void **state)
{
	static const struct {
		const char *name, *search, *state, *part;
	} cases[] = {
		{"vmm", "/bin:/usr/local/bin:/usr/bin", "ok", "/usr/local/bin/vmm"},
		{"vmm", "/usr/bin:/usr/local/bin", "ok", "/usr/bin/vmm"},
		{"vmm", "/bin", "lack", "vmm is not there, nor in PATH"},
		{"vmm", NULL, "lack", "nor in PATH"},
		{"/usr/bin/vmm", "/bin", "ok", "/usr/bin/vmm"},
		{"/usr/bin/other", "/bin", "lack", "/usr/bin/other is not there"},
		{"/usr", "/bin", "lack", "executed"},
		{"/usr/bin/text", "/bin", "lack", "neither"},
		{"/usr/bin/script", "/bin", "note", "a script for /bin/sh -e"},
	};

	put_elf("/usr/bin/vmm", ET_EXEC, EM_AARCH64, GLIBC, 0755);
	put_elf("/usr/local/bin/vmm", ET_EXEC, EM_AARCH64, GLIBC, 0755);
	put_elf("/bin/vmm", ET_EXEC, EM_AARCH64, GLIBC, 0644);
	put("/usr/bin/text", "text", 4, 0755);
	put("/usr/bin/script", "#! /bin/sh -e\nexit\n", 19, 0755);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct doctor doctor = begin("aarch64", "7.2.12");

		doctor_program(&doctor, cases[i].name, cases[i].search);
		expect(&doctor, cases[i].name, "VMM", cases[i].state, cases[i].part);
		doctor_end(&doctor);
	}
	take("/usr/bin/vmm");
	take("/usr/local/bin/vmm");
	take("/bin/vmm");
	take("/usr/bin/text");
	take("/usr/bin/script");
}

static void preload_is_told(void **state)
{
	static const struct {
		const char *name;
		uint16_t type, machine;
		const char *state, *part;
	} cases[] = {
		{"library", ET_DYN, EM_AARCH64, "ok", "for arm64"},
		{"wrong architecture", ET_DYN, EM_X86_64, "lack", "for x86-64"},
		{"program", ET_EXEC, EM_AARCH64, "lack", "no library"},
	};
	struct doctor doctor = begin("aarch64", "7.2.12");
	char path[300];

	doctor_preload(&doctor, NULL);
	expect(&doctor, "none", "preload", "lack", "not there");
	doctor_end(&doctor);
	path_of(path, sizeof(path), "/preload.so");
	for (size_t i = 0; i < COUNT(cases); i++) {
		doctor = begin("aarch64", "7.2.12");
		put_elf("/preload.so", cases[i].type, cases[i].machine, NULL, 0644);
		doctor_preload(&doctor, path);
		expect(&doctor, cases[i].name, "preload", cases[i].state, cases[i].part);
		doctor_end(&doctor);
	}
	take("/preload.so");
}

static int make_root(void **state)
{
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_are_told),   cmocka_unit_test(missing_kvm_is_lacking),
		cmocka_unit_test(security_is_told), cmocka_unit_test(programs_are_told),
		cmocka_unit_test(names_are_found),  cmocka_unit_test(preload_is_told),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
