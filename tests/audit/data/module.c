// SPDX-License-Identifier: MIT
// A file with what the module loader of Linux looks for, made without Linux: no kernel would run it.
#define INFO __attribute__((section(".modinfo"), used)) static const char
#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)
#define MODINFO(text) INFO CONCAT(info_, __COUNTER__)[] = text
#define EXPORT(name, kind)                                                     \
	__attribute__((section("__ksymtab" kind), used)) static void *const        \
	    CONCAT(__ksymtab_, name) = (void *)name

__attribute__((section(".gnu.linkonce.this_module"), used)) static char this_module[64];

#ifdef LICENCE
MODINFO("license=" LICENCE);
#endif
#ifdef INTREE
MODINFO("intree=Y");
#endif
MODINFO("name=" NAME);
MODINFO("vermagic=6.1.0 SMP mod_unload modversions ");

#ifdef IMPORT
extern int IMPORT(void);
#else
#define IMPORT() 0
#endif

int init_module(void)
{
	return IMPORT();
}

#ifdef EXPORTED
int EXPORTED(void)
{
	return 1;
}
EXPORT(EXPORTED, "_gpl");
#endif
