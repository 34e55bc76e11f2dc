import { mount } from 'svelte';
import '../app/app.css';
import { settings, showTheme } from '../app/settings.svelte';
import { deviceLanguage, setLanguage } from '../text/text.svelte';
import Widget from './Widget.svelte';

const theme = new URLSearchParams(location.search).get('theme');
showTheme(theme === 'light' || theme === 'dark' ? theme : 'auto');
await setLanguage(settings.language).catch(() => setLanguage(deviceLanguage()));
mount(Widget, { target: document.getElementById('app') as HTMLElement });
