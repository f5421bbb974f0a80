# Completion of pgctl for PowerShell: dot-source this file in $PROFILE.
# pgctl itself says what can come; see docs/completion.md.

Register-ArgumentCompleter -Native -CommandName 'pgctl' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $program = Get-Command -Name 'pgctl' -CommandType Application -ErrorAction Ignore | Select-Object -First 1
    if (-not $program) { return }
    $words = @($commandAst.CommandElements |
        Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { if ($null -ne $_.Value) { "$($_.Value)" } else { $_.Extent.Text } })
    # An empty word would be dropped, hence the equals sign.
    $answer = @($null | & $program '__complete' 'powershell' @words "=$wordToComplete" 2>$null)
    foreach ($line in $answer) {
        switch -Exact ($line) {
            ':files' { [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete) }
            ':folders' { [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete) }
            default {
                $word, $about = $line -split "`t", 2
                if (-not $about) { $about = $word }
                [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
            }
        }
    }
}
