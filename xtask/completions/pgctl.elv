# Completion of pgctl for elvish: put this file into ~/.config/elvish/lib, and `use pgctl` into ~/.config/elvish/rc.elv.
# pgctl itself says what can come; see docs/completion.md.

use str

set edit:completion:arg-completer[pgctl] = {|@words|
    var lines = []
    # What it could not answer is not offered.
    try { set lines = [(e:pgctl @COMPLETE@ elvish (all $words[1..]) < /dev/null 2> /dev/null | from-lines)] } catch { nop }
    for line $lines {
        if (or (eq $line ':files') (eq $line ':folders')) {
            edit:complete-filename $@words
        } else {
            var word about = (str:split &max=2 "\t" $line"\t")
            var shown = $word
            set about = (str:trim-right $about "\t")
            if (not-eq $about '') { set shown = $word' ('$about')' }
            var suffix = ' '
            if (str:has-suffix $word '=') { set suffix = '' }
            edit:complex-candidate $word &display=$shown &code-suffix=$suffix
        }
    }
}
